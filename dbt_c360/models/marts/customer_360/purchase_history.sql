{%- set touched = {'key': 'line_id', 'found': [
    changed('fct_order_lines', 'line_id'),
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
    select * from {{ ref('fct_order_lines') }}
    {{ only_touched(touched, table=ref('fct_order_lines')) }}
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
    lines.customer_id,
    lines.product_id,
    lines.store_id,
    lines.channel,
    orders.payment_method,
    lines.order_status,
    products.product_name,
    products.category,
    products.subcategory,
    products.brand,

    lines.quantity,
    lines.unit_price,
    lines.discount_applied,
    lines.total_price,

    lines.is_counted,

    lines.order_date,
    orders.ordered_at
from lines
left join orders
    on lines.order_id = orders.order_id
left join products
    on lines.product_id = products.product_id
