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

orders as (
    select distinct
        identities.customer_id,
        sales.order_id,
        sales.order_date
    from sales
    inner join identities
        on sales.customer_id = identities.source_id and identities.source_system = 'crm'
    where sales.is_counted
),

summed as (
    select
        customer_id,
        count(*) as total_orders,
        min(order_date) as first_order,
        max(order_date) as last_order
    from orders
    group by customer_id
)

-- customers with one order have no days between orders; the result is null
select
    customer_id,
    total_orders,
    first_order,
    last_order,
    {{ ratio(days_between('first_order', 'last_order'), 'total_orders - 1') }}
        as avg_days_between_orders
from summed
