with

arrivals as (
    select * from {{ ref('stg_arrivals') }}
)

select
    case when lower(location_id) = 'online' then 'online' else coalesce(location_id, 'unknown') end
        as location_id,
    coalesce(channel, 'unknown') as channel,
    cast(arrival_hour_at as date) as arrival_date,
    cast(extract(hour from arrival_hour_at) as bigint) as arrival_hour,
    sum(arrivals) as arrivals
from arrivals
where not is_after_as_of and arrival_hour_at is not null and arrivals is not null
group by
    case when lower(location_id) = 'online' then 'online' else coalesce(location_id, 'unknown') end,
    coalesce(channel, 'unknown'),
    cast(arrival_hour_at as date),
    cast(extract(hour from arrival_hour_at) as bigint)
