{%- set touched = {'key': 'shipment_id', 'found': [
    changed('stg_shipments', 'shipment_id'),
    changed('fct_shipments', 'shipment_id'),
    changed('int_shipment_events', 'shipment_id'),
    naming_changed('fct_orders', 'shipment_id', by='order_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='shipment_id',
    meta={'touched': touched},
) }}

with

shipments as (
    select * from {{ ref('fct_shipments') }}
    {{ only_touched(touched, table=ref('fct_shipments')) }}
),

parcels as (
    select * from {{ ref('int_shipments') }}
    {{ only_touched(touched) }}
),

orders as (
    select * from {{ ref('fct_orders') }}
    {{ only_named('order_id', by='shipments.order_id from shipments') }}
),

events as (
    select * from {{ ref('int_shipment_events') }}
    {{ only_named('shipment_id', by='shipments.shipment_id from shipments') }}
)

select
    shipments.shipment_id,

    shipments.order_id,
    shipments.customer_id,
    parcels.tracking_number,
    shipments.carrier,
    shipments.service_level,
    shipments.origin_location_id,
    parcels.destination_address,
    orders.order_status,
    shipments.delivery_status,
    events.last_event_type,
    events.last_event_location,

    shipments.shipping_cost,
    shipments.delivery_days,
    coalesce(events.events, 0) as tracking_events,

    shipments.is_delivered,
    shipments.is_late,
    shipments.is_after_as_of,

    orders.order_date,
    shipments.ship_date,
    shipments.estimated_delivery_date,
    shipments.actual_delivery_date,
    events.last_event_at
from shipments
inner join parcels
    on shipments.shipment_id = parcels.shipment_id
left join orders
    on shipments.order_id = orders.order_id
left join events
    on shipments.shipment_id = events.shipment_id
