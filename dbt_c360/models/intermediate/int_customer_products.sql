{%- set touched = {'key': 'customer_id', 'found': [
    changed('fct_order_lines', 'customer_id'),
    naming_changed(
        'dim_products', 'customer_id', by='product_id', table='gold.fct_order_lines'
    ),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['customer_id', 'product_id'],
    meta={'touched': touched},
) }}

with

lines as (
    select * from {{ ref('fct_order_lines') }}
    {{ only_touched(touched, table=ref('fct_order_lines')) }}
),

products as (
    select * from {{ ref('dim_products') }}
)

select
    lines.customer_id,
    lines.product_id,
    products.category,
    coalesce(products.status = 'discontinued', false) as is_withdrawn,
    products.is_inferred,
    min(lines.order_date) as first_bought_date
from lines
inner join products
    on lines.product_id = products.product_id
where lines.is_counted and lines.quantity > 0 and lines.customer_id is not null
group by
    lines.customer_id, lines.product_id, products.category, products.status, products.is_inferred
