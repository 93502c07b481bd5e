{%- set touched = {'key': 'week', 'found': [
    changed('fct_order_lines', week_start('order_date')),
    naming_changed(
        'dim_products', week_start('order_date'), by='product_id', table='gold.fct_order_lines'
    ),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['category', 'week'],
    meta={'touched': touched},
) }}

with

lines as (
    select * from {{ ref('fct_order_lines') }}
    {{ only_touched(touched, week_start('order_date')) }}
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
