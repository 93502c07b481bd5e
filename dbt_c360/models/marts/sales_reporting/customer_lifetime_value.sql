{%- set touched = {'key': 'customer_id', 'found': [
    changed('customer_identities', 'customer_id'),
    of_changed_records('stg_sales'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

sales as (
    select * from {{ ref('stg_sales') }}
),

identities as (
    select * from {{ ref('customer_identities') }}
    {{ only_touched(touched) }}
),

-- lines are summed by order first, so that a line is never counted as an order
orders as (
    select
        identities.customer_id,
        sales.order_id,
        sum(sales.total_price) as revenue
    from sales
    inner join identities
        on sales.customer_id = identities.source_id and identities.source_system = 'crm'
    where sales.is_counted
    group by identities.customer_id, sales.order_id
),

summed as (
    select
        customer_id,
        count(*) as total_orders,
        {{ money_sum('revenue') }} as total_revenue
    from orders
    group by customer_id
)

select
    customer_id,
    total_orders,
    total_revenue,
    {{ money_ratio('total_revenue', 'total_orders') }} as avg_order_value
from summed
