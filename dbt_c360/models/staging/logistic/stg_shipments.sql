{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='shipment_id') }}

with

versions as (
    {{ latest_versions('shipments', ['shipment_id'], day='ship_date') }}
)

select
    {{ clean_text('versions.shipment_id') }} as shipment_id,
    {{ clean_text('versions.transaction_id') }} as transaction_id,

    {{ clean_text('versions.tracking_number') }} as tracking_number,
    {{ clean_text('versions.carrier') }} as carrier,
    {{ clean_lower('versions.service_level') }} as service_level,
    {{ clean_text('versions.origin_location') }} as origin_location,
    {{ clean_text('versions.destination_address') }} as destination_address,
    {{ clean_text('versions.dimensions') }} as dimensions,
    {{ clean_lower('versions.delivery_status') }} as delivery_status,

    versions.weight_kg,
    {{ money('versions.shipping_cost') }} as shipping_cost,

    versions.is_after_as_of,

    versions.ship_date,
    versions.estimated_delivery as estimated_delivery_date,
    versions.actual_delivery as actual_delivery_date,
    versions._known_at as told_date
from versions
