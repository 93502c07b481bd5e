with

versions as (
    {{ latest_versions('arrivals', ['arrival_id'], day='arrival_hour') }}
)

select
    {{ clean_text('versions.arrival_id') }} as arrival_id,
    {{ clean_text('versions.location_id') }} as location_id,

    {{ clean_lower('versions.channel') }} as channel,

    versions.arrivals,

    versions.is_after_as_of,

    versions.arrival_hour as arrival_hour_at
from versions
