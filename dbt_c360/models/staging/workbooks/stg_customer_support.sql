{{ config(materialized='view') }}

with

versions as (
    {{ latest_versions('customer_support', ['ticket_id']) }}
)

select
    {{ clean_text('versions.ticket_id') }} as ticket_id,
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.issue_type') }} as issue_type,

    versions.satisfaction_score,

    {{ is_after('versions.created_at') }} as is_after_as_of,

    versions.created_at,
    versions.resolved_at
from versions
