{%- set touched = {'key': 'month', 'found': [
    changed('stg_sales', year_month('order_date')),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='month',
    meta={'touched': touched},
) }}

with

sales as (
    select * from {{ ref('stg_sales') }}
    {{ only_touched(touched, year_month('order_date')) }}
),

-- lines are summed by order first, so that a line is never counted as an order
orders as (
    select
        sales.order_id,
        sales.order_date,
        sum(sales.total_price) as revenue
    from sales
    where sales.is_counted
    group by sales.order_id, sales.order_date
)

select
    {{ year_month('order_date') }} as month,
    count(*) as total_orders,
    {{ money_sum('revenue') }} as total_revenue
from orders
group by {{ year_month('order_date') }}
