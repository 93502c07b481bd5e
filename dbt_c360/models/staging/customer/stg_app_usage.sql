{{ config(materialized='view') }}

with

versions as (
    {{ latest_versions('app_usage', ['usage_id']) }}
)

select
    {{ clean_text('versions.usage_id') }} as usage_id,
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.device_type') }} as device_type,
    {{ clean_text('versions.app_version') }} as app_version,

    versions.session_duration_minutes,
    versions.pages_viewed,
    versions.actions_taken,

    {{ is_after('coalesce(versions.session_start, versions.session_date)') }} as is_after_as_of,

    coalesce(versions.session_date, cast(versions.session_start as date)) as session_date,
    versions.session_start as session_start_at
from versions
