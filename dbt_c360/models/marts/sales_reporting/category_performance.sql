with

sales as (
    select * from {{ ref('stg_sales') }}
),

products as (
    select * from {{ ref('stg_products') }}
),

sold as (
    select
        product_id,
        sum(quantity) as units,
        sum(total_price) as revenue
    from sales
    where is_counted
    group by product_id
)

-- all products that were sold count, even if they are not in the catalogue; avg_price counts each
-- product's price once, however often it was sold
select
    coalesce(products.category, 'unknown') as category,
    cast(coalesce(sum(sold.units), 0) as bigint) as total_sales,
    {{ money_sum('sold.revenue') }} as total_revenue,
    {{ money_ratio('sum(products.price)', 'count(products.price)') }} as avg_price
from sold
left join products
    on sold.product_id = products.product_id
group by coalesce(products.category, 'unknown')
