with

arrivals as (
    select * from {{ ref('stg_arrivals') }}
)

select
    {{ visited_location('location_id', 'channel') }} as location_id,
    coalesce(channel, 'unknown') as channel,
    cast(arrival_hour_at as date) as arrival_date,
    cast(extract(hour from arrival_hour_at) as bigint) as arrival_hour,
    sum(arrivals) as arrivals
from arrivals
where not is_after_as_of and arrival_hour_at is not null and arrivals is not null
group by
    {{ visited_location('location_id', 'channel') }},
    coalesce(channel, 'unknown'),
    cast(arrival_hour_at as date),
    cast(extract(hour from arrival_hour_at) as bigint)
