with

clock as (
    select * from {{ ref('int_data_clock') }}
),

shipments as (
    select * from {{ ref('stg_shipments') }}
),

-- files without a day in their name are taken to be of the as-of day, as everywhere
told as (
    select
        max(told_date) as told_date,
        max(case when not is_after_as_of then ship_date end) as last_ship_date,
        count(delivery_status) + count(actual_delivery_date) as outcomes
    from shipments
),

as_of as (
    select
        shipments.*,
        clock.as_of_date,
        -- if the files never say what happened to parcels, no parcel is overdue
        case
            when told.outcomes = 0 then null
            when told.told_date is null then clock.as_of_date
            when told.last_ship_date > told.told_date then told.last_ship_date
            else told.told_date
        end as last_told_date,
        case
            when shipments.actual_delivery_date <= clock.as_of_date
                then shipments.actual_delivery_date
        end as delivered_date,
        -- a parcel that arrived after the as-of day was still under way on that day
        case
            when shipments.actual_delivery_date > clock.as_of_date then 'in_transit'
            else shipments.delivery_status
        end as status_that_day,
        coalesce(
            shipments.delivery_status = 'delivered' and shipments.actual_delivery_date is null,
            false
        ) as has_arrived_some_day
    from shipments
    cross join clock
    cross join told
)

select
    shipment_id,
    transaction_id as order_id,
    tracking_number,
    carrier,
    service_level,
    origin_location as origin_location_id,
    destination_address,
    status_that_day as delivery_status,
    weight_kg,
    shipping_cost,
    case
        when delivered_date >= ship_date
            then {{ days_between('ship_date', 'delivered_date') }}
    end as delivery_days,
    delivered_date is not null or has_arrived_some_day as is_delivered,
    case
        when delivered_date is not null then delivered_date > estimated_delivery_date
        when has_arrived_some_day or status_that_day = 'returned' then null
        when status_that_day = 'lost' then true
        -- what has arrived since the last file of parcels is not known yet
        else last_told_date > estimated_delivery_date
    end as is_late,
    is_after_as_of,
    ship_date,
    estimated_delivery_date,
    delivered_date as actual_delivery_date
from as_of
