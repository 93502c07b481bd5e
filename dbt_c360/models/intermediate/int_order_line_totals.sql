{%- set touched = {'key': 'order_id', 'found': [
    changed('stg_sales', 'order_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='order_id',
    meta={'touched': touched},
) }}

with

sales as (
    select * from {{ ref('stg_sales') }}
    {{ only_touched(touched, table=ref('stg_sales')) }}
)

select
    order_id,
    count(*) as lines,
    sum(quantity) as units,
    sum(line_total) as lines_subtotal,
    sum(total_price) as lines_amount
from sales
where order_id is not null
group by order_id
