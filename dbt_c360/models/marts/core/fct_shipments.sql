{#-
    Parcels that are still under way. Whether they are late depends on the last day that the files
    of parcels cover, and on whether any file says what became of a parcel: both change with files
    that do not name these parcels.
-#}
{%- set under_way = 'select shipment_id from {this}'
    ~ " where not is_delivered and coalesce(delivery_status, '') not in ('lost', 'returned')" -%}

{%- set touched = {'key': 'shipment_id', 'found': [
    changed('stg_shipments', 'shipment_id'),
    naming_changed('fct_orders', 'shipment_id', by='order_id'),
    passed('silver.stg_shipments', 'shipment_id', 'actual_delivery_date'),
    under_way,
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='shipment_id',
    meta={'touched': touched},
) }}

with

shipments as (
    select * from {{ ref('int_shipments') }}
    {{ only_touched(touched) }}
),

orders as (
    select * from {{ ref('fct_orders') }}
    {{ only_named('order_id', by='shipments.order_id from shipments') }}
)

select
    shipments.shipment_id,

    shipments.order_id,
    orders.customer_id,
    shipments.carrier,
    shipments.service_level,
    shipments.origin_location_id,
    shipments.delivery_status,

    shipments.weight_kg,
    shipments.shipping_cost,
    shipments.delivery_days,

    shipments.is_delivered,
    shipments.is_late,
    shipments.is_after_as_of,

    shipments.ship_date,
    shipments.estimated_delivery_date,
    shipments.actual_delivery_date
from shipments
left join orders
    on shipments.order_id = orders.order_id
