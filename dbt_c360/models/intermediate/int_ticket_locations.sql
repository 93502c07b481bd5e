{%- set touched = {'key': 'ticket_id', 'found': [
    changed('fct_support_tickets', 'ticket_id'),
    naming_changed('int_order_locations', 'ticket_id', by='customer_id', table='gold.fct_support_tickets'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='ticket_id',
    meta={'touched': touched},
) }}

with

tickets as (
    select * from {{ ref('fct_support_tickets') }}
    {{ only_touched(touched) }}
),

orders as (
    select * from {{ ref('int_order_locations') }}
),

ranked as (
    select
        tickets.ticket_id,
        orders.location_id,
        row_number() over (
            partition by tickets.ticket_id
            order by orders.ordered_at desc, orders.order_id asc
        ) as order_rank
    from tickets
    inner join orders
        on
            tickets.customer_id = orders.customer_id
            and tickets.created_at >= orders.ordered_at
            and {{ dbt.dateadd('day', -30, 'tickets.created_at') }} <= orders.ordered_at
)

select
    tickets.ticket_id,
    coalesce(ranked.location_id, 'unknown') as location_id,
    tickets.resolution_hours,
    tickets.created_at
from tickets
left join ranked
    on tickets.ticket_id = ranked.ticket_id and ranked.order_rank = 1
where not tickets.is_after_as_of and tickets.created_at is not null
