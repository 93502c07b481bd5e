{%- set touched = {'key': 'customer_id', 'found': [
    changed('customer_identities', 'customer_id'),
    changed('fct_support_tickets', 'customer_id'),
    changed('fct_shipments', 'customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

customers as (
    select * from {{ ref('dim_customers') }}
    {{ only_touched(touched) }}
),

tickets as (
    select * from {{ ref('fct_support_tickets') }}
    {{ only_touched(touched) }}
),

shipments as (
    select * from {{ ref('fct_shipments') }}
    {{ only_touched(touched) }}
),

asked as (
    select
        customer_id,
        count(*) as tickets,
        {{ count_if('is_open') }} as tickets_open,
        {{ exact_avg('satisfaction_score') }} as avg_satisfaction,
        max(created_at) as last_ticket_at
    from tickets
    where not is_after_as_of and customer_id is not null
    group by customer_id
),

delivered as (
    select
        customer_id,
        {{ count_if('is_late') }} as late_deliveries
    from shipments
    where not is_after_as_of and customer_id is not null
    group by customer_id
)

select
    customers.customer_id,
    coalesce(asked.tickets, 0) as tickets,
    coalesce(asked.tickets_open, 0) as tickets_open,
    asked.avg_satisfaction,
    coalesce(delivered.late_deliveries, 0) as late_deliveries,
    asked.last_ticket_at
from customers
left join asked
    on customers.customer_id = asked.customer_id
left join delivered
    on customers.customer_id = delivered.customer_id
