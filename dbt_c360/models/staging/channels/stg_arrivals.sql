with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'arrivals') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'arrivals'), ['arrival_id']) }}
)

select
    {{ clean_text('versions.arrival_id') }} as arrival_id,
    {{ clean_text('versions.location_id') }} as location_id,

    {{ clean_lower('versions.channel') }} as channel,

    versions.arrivals,

    {{ is_after('versions.arrival_hour') }} as is_after_as_of,

    versions.arrival_hour as arrival_hour_at
from versions
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
