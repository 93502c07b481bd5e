with

versions as (
    {{ latest_versions('arrivals', ['arrival_id']) }}
)

select
    {{ clean_text('versions.arrival_id') }} as arrival_id,
    {{ clean_text('versions.location_id') }} as location_id,

    {{ clean_lower('versions.channel') }} as channel,

    versions.arrivals,

    {{ is_after('versions.arrival_hour') }} as is_after_as_of,

    versions.arrival_hour as arrival_hour_at
from versions
