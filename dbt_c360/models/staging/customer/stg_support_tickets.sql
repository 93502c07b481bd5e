{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='ticket_id') }}

with

versions as (
    {{ latest_versions('support_tickets', ['ticket_id'], day='created_date') }}
)

select
    {{ clean_text('versions.ticket_id') }} as ticket_id,
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.category') }} as category,
    {{ clean_lower('versions.priority') }} as priority,
    {{ clean_lower('versions.status') }} as status,
    {{ clean_lower('versions.channel') }} as channel,

    versions.satisfaction_score,

    versions.is_after_as_of,

    versions.created_date as created_at,
    versions.resolved_date as resolved_at
from versions
