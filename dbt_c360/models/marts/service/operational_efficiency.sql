with

orders as (
    select * from {{ ref('int_location_orders') }}
),

shipments as (
    select * from {{ ref('int_location_shipments') }}
),

stock as (
    select * from {{ ref('int_location_stock') }}
),

tickets as (
    select * from {{ ref('int_location_tickets') }}
),

location_months as (
    select
        location_id,
        month
    from orders
    union
    select
        location_id,
        month
    from shipments
    union
    select
        location_id,
        month
    from stock
    union
    select
        location_id,
        month
    from tickets
)

select
    location_months.location_id,
    location_months.month,
    coalesce(orders.orders, 0) as orders,
    shipments.on_time_rate,
    shipments.avg_delivery_days,
    shipments.avg_shipping_cost,
    stock.stock_out_rate,
    {{ ratio('100 * coalesce(tickets.tickets, 0)', 'orders.orders') }} as tickets_per_100_orders,
    tickets.avg_resolution_hours
from location_months
left join orders
    on location_months.location_id = orders.location_id and location_months.month = orders.month
left join shipments
    on
        location_months.location_id = shipments.location_id
        and location_months.month = shipments.month
left join stock
    on location_months.location_id = stock.location_id and location_months.month = stock.month
left join tickets
    on location_months.location_id = tickets.location_id and location_months.month = tickets.month
