{{ config(materialized='view') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'app_usage') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'app_usage'), ['usage_id']) }}
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
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
