{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='usage_id') }}

with

versions as (
    {{ latest_versions('app_usage', ['usage_id'], day='coalesce(session_start, session_date)') }}
)

select
    {{ clean_text('versions.usage_id') }} as usage_id,
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.device_type') }} as device_type,
    {{ clean_text('versions.app_version') }} as app_version,

    versions.session_duration_minutes,
    versions.pages_viewed,
    versions.actions_taken,

    versions.is_after_as_of,

    -- the start is in the business's time zone, but session_date is a day as the source counts it
    coalesce(cast(versions.session_start as date), versions.session_date) as session_date,
    versions.session_start as session_start_at
from versions
