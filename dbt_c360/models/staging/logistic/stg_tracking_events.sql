with

versions as (
    {{ latest_versions('tracking_events', ['event_id']) }}
)

select
    {{ clean_text('versions.event_id') }} as event_id,
    {{ clean_text('versions.shipment_id') }} as shipment_id,

    {{ clean_lower('versions.event_type') }} as event_type,
    {{ clean_text('versions.location') }} as location,
    {{ clean_text('versions.description') }} as description,
    {{ clean_text('versions.carrier_status') }} as carrier_status,

    {{ is_after('versions.event_timestamp') }} as is_after_as_of,

    versions.event_timestamp as event_at
from versions
