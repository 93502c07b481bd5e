{{ config(materialized='table') }}

with

lines as (
    select * from {{ ref('fct_order_lines') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

orders as (
    select
        coalesce(products.category, 'unknown') as category,
        {{ week_start('lines.order_date') }} as week,
        lines.order_id,
        lines.customer_id,
        sum(lines.quantity) as units,
        sum(lines.total_price) as revenue
    from lines
    left join products
        on lines.product_id = products.product_id
    where lines.is_counted
    group by
        coalesce(products.category, 'unknown'),
        {{ week_start('lines.order_date') }},
        lines.order_id,
        lines.customer_id
)

select
    category,
    week,
    cast(coalesce(sum(units), 0) as bigint) as units,
    count(*) as orders,
    {{ money_sum('revenue') }} as revenue,
    count(distinct customer_id) as customers
from orders
group by category, week
