{{ config(materialized='view') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'customer_support') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'customer_support'), ['ticket_id']) }}
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
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
