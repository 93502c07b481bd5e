{%- set touched = {'key': 'line_id', 'found': [
    changed('stg_sales', 'line_id'),
    naming_changed('fct_orders', 'line_id', by='order_id'),
    naming_changed('dim_products', 'line_id', by='product_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='line_id',
    meta={'touched': touched},
) }}

with

lines as (
    select * from {{ ref('int_order_lines') }}
    {{ only_touched(touched) }}
),

orders as (
    select * from {{ ref('fct_orders') }}
    {{ only_named('order_id', by='lines.order_id from lines') }}
),

products as (
    select * from {{ ref('dim_products') }}
)

select
    lines.line_id,

    lines.order_id,
    orders.customer_id,
    lines.product_id,
    orders.store_id,
    orders.channel,
    lines.order_status,

    lines.quantity,
    lines.unit_price,
    lines.line_total,
    lines.discount_applied,
    cast(lines.total_price as decimal(18, 2)) as total_price,
    products.unit_cost,
    cast(lines.total_price - products.unit_cost * lines.quantity as decimal(18, 2)) as margin,

    lines.is_after_as_of,
    lines.is_counted,

    lines.order_date
from lines
left join orders
    on lines.order_id = orders.order_id
left join products
    on lines.product_id = products.product_id
