{%- set touched = {'key': 'ticket_id', 'found': [
    changed('stg_support_tickets', 'ticket_id'),
    changed('stg_customer_support', "'wb-' || ticket_id"),
    naming_changed('customer_identities', 'ticket_id', by='customer_id'),
    passed('silver.stg_support_tickets', 'ticket_id', 'resolved_at'),
    passed('silver.stg_customer_support', "'wb-' || ticket_id", 'resolved_at'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='ticket_id',
    meta={'touched': touched},
) }}

with

tickets as (
    select * from {{ ref('int_tickets') }}
    {{ only_touched(touched) }}
),

identities as (
    select * from {{ ref('customer_identities') }}
)

select
    tickets.ticket_id,

    tickets.source_system,
    identities.customer_id,
    tickets.category,
    tickets.priority,
    tickets.status,
    tickets.channel,

    tickets.satisfaction_score,
    -- if a ticket was resolved before it was opened, one time is wrong, so there are no hours
    case
        when tickets.resolved_at >= tickets.created_at
            then {{ ratio(hours_between('tickets.created_at', 'tickets.resolved_at'), 1) }}
    end as resolution_hours,

    tickets.resolved_at is null and tickets.status not in ('resolved', 'closed') as is_open,
    tickets.is_after_as_of,

    tickets.created_at,
    tickets.resolved_at
from tickets
left join identities
    on
        tickets.source_system = identities.source_system
        and tickets.source_customer_id = identities.source_id
