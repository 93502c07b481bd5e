with

categories as (
    select * from {{ ref('category_performance') }}
),

performance as (
    select * from {{ ref('product_performance') }}
),

suppliers as (
    select * from {{ ref('supplier_performance') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
),

by_product as (
    select
        coalesce(products.category, 'unknown') as category,
        sum(performance.revenue) as revenue
    from performance
    inner join products
        on performance.product_id = products.product_id
    group by coalesce(products.category, 'unknown')
),

-- lines without a product are in the category `unknown`, but in no product's row
without_product as (
    select
        'unknown' as category,
        sum(total_price) as revenue
    from lines
    where is_counted and product_id is null
),

without_supplier as (
    select sum(performance.revenue) as revenue
    from performance
    inner join products
        on performance.product_id = products.product_id
    where products.primary_supplier_id is null
),

differences as (
    select
        'category revenue vs its products and lines without one' as check_name,
        categories.total_revenue
        - coalesce(by_product.revenue, 0)
        - coalesce(without_product.revenue, 0) as difference
    from categories
    left join by_product
        on categories.category = by_product.category
    left join without_product
        on categories.category = without_product.category
    union all
    select
        'product revenue vs suppliers and products without one' as check_name,
        (select sum(performance.revenue) from performance)
        - coalesce((select sum(suppliers.revenue) from suppliers), 0)
        - coalesce(without_supplier.revenue, 0) as difference
    from without_supplier
    where exists (select 1 from performance)
)

select
    check_name,
    count(difference) as compared,
    {{ count_if('difference <> 0') }} as differing,
    cast(max(abs(difference)) as decimal(18, 2)) as largest_difference
from differences
group by check_name
