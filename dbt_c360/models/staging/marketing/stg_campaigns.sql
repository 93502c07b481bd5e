{{ config(materialized='view') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'campaigns') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'campaigns'), ['campaign_id']) }}
)

select
    {{ clean_text('versions.campaign_id') }} as campaign_id,

    {{ clean_text('versions.campaign_name') }} as campaign_name,
    {{ clean_lower('versions.channel') }} as channel,

    {{ money('versions.budget') }} as budget,

    versions.start_date,
    versions.end_date
from versions
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
