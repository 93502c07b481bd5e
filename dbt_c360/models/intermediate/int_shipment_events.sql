with

events as (
    select * from {{ ref('stg_tracking_events') }}
),

ranked as (
    select
        shipment_id,
        event_type,
        location,
        event_at,
        count(*) over (partition by shipment_id) as events,
        row_number() over (
            partition by shipment_id
            order by
                case when event_at is null then 1 else 0 end,
                event_at desc,
                event_id desc
        ) as event_rank
    from events
    where not is_after_as_of and shipment_id is not null
)

select
    shipment_id,
    events,
    event_type as last_event_type,
    location as last_event_location,
    event_at as last_event_at
from ranked
where event_rank = 1
