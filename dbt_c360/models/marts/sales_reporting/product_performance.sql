with

products as (
    select * from {{ ref('dim_products') }}
),

sales as (
    select * from {{ ref('int_product_sales') }}
),

stock as (
    select * from {{ ref('int_product_stock') }}
)

select
    products.product_id,
    coalesce(sales.units, 0) as units,
    coalesce(sales.orders, 0) as orders,
    coalesce(sales.revenue, 0) as revenue,
    sales.margin,
    {{ ratio('sales.units_back', 'sales.units_out') }} as return_rate,
    stock.stock_on_hand,
    case
        -- a negative stock means that the product is owed to customers, so nothing is in stock
        when sales.units_90d > 0 and stock.stock_on_hand < 0 then 0
        when sales.units_90d > 0
            then {{ ratio('stock.stock_on_hand * sales.days_90d', 'sales.units_90d') }}
    end as days_of_stock
from products
left join sales
    on products.product_id = sales.product_id
left join stock
    on products.product_id = stock.product_id
