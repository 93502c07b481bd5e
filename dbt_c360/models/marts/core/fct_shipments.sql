with

shipments as (
    select * from {{ ref('int_shipments') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
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
