{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='ticket_id') }}

with

versions as (
    {{ latest_versions('customer_support', ['ticket_id'], day='created_at') }}
)

select
    {{ clean_text('versions.ticket_id') }} as ticket_id,
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.issue_type') }} as issue_type,

    versions.satisfaction_score,

    versions.is_after_as_of,

    versions.created_at,
    versions.resolved_at
from versions
