{%- set touched = {'key': 'shipment_id', 'found': [
    changed('stg_tracking_events', 'shipment_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='shipment_id',
    meta={'touched': touched},
) }}

with

events as (
    select * from {{ ref('stg_tracking_events') }}
    {{ only_touched(touched, table=ref('stg_tracking_events')) }}
),

counted as (
    select
        shipment_id,
        count(*) as events
    from events
    where not is_after_as_of and shipment_id is not null
    group by shipment_id
),

ranked as (
    select
        shipment_id,
        event_type,
        location,
        event_at,
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
    counted.shipment_id,
    counted.events,
    ranked.event_type as last_event_type,
    ranked.location as last_event_location,
    ranked.event_at as last_event_at
from counted
inner join ranked
    on counted.shipment_id = ranked.shipment_id
where ranked.event_rank = 1
