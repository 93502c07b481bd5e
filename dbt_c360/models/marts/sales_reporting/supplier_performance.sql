with

suppliers as (
    select * from {{ ref('int_suppliers') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

sales as (
    select * from {{ ref('int_product_sales') }}
),

stock as (
    select * from {{ ref('int_product_stock') }}
),

-- a product's sales count for its primary supplier only
supplied as (
    select
        products.primary_supplier_id as supplier_id,
        count(*) as products,
        coalesce(sum(sales.units), 0) as units,
        {{ money_sum('sales.revenue') }} as revenue,
        sum(sales.margin) as margin,
        coalesce(sum(stock.stock_outs), 0) as stock_outs
    from products
    left join sales
        on products.product_id = sales.product_id
    left join stock
        on products.product_id = stock.product_id
    where products.primary_supplier_id is not null
    group by products.primary_supplier_id
)

select
    suppliers.supplier_id,
    suppliers.supplier_name,
    coalesce(supplied.products, 0) as products,
    cast(coalesce(supplied.units, 0) as bigint) as units,
    coalesce(supplied.revenue, 0) as revenue,
    cast(supplied.margin as decimal(18, 2)) as margin,
    suppliers.avg_lead_time_days,
    suppliers.quality_rating,
    cast(coalesce(supplied.stock_outs, 0) as bigint) as stock_outs
from suppliers
left join supplied
    on suppliers.supplier_id = supplied.supplier_id
