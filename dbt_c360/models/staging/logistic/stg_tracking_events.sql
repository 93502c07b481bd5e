{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='event_id') }}

with

versions as (
    {{ latest_versions('tracking_events', ['event_id'], day='event_timestamp') }}
)

select
    {{ clean_text('versions.event_id') }} as event_id,
    {{ clean_text('versions.shipment_id') }} as shipment_id,

    {{ clean_lower('versions.event_type') }} as event_type,
    {{ clean_text('versions.location') }} as location,
    {{ clean_text('versions.description') }} as description,
    {{ clean_text('versions.carrier_status') }} as carrier_status,

    versions.is_after_as_of,

    versions.event_timestamp as event_at
from versions
