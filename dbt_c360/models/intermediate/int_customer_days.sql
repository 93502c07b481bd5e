{%- set touched = {'key': 'customer_id', 'found': [
    changed('fct_orders', 'customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['customer_id', 'order_date'],
    meta={'touched': touched},
) }}

with

orders as (
    select * from {{ ref('fct_orders') }}
    {{ only_touched(touched, table=ref('fct_orders')) }}
)

-- one purchase per customer and day; a day on which something was only given back is no purchase
select
    customer_id,
    order_date,
    {{ money_sum('net_amount') }} as amount,
    max(case when net_amount >= 0 then 1 else 0 end) = 1 as is_purchase
from orders
where is_counted and customer_id is not null
group by customer_id, order_date
