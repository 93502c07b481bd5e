with

hours as (
    select * from {{ ref('int_arrival_hours') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

ranked as (
    select
        location_id,
        channel,
        arrival_date,
        arrival_hour,
        arrivals,
        row_number() over (
            partition by location_id, channel, arrival_date
            order by arrivals desc, arrival_hour asc
        ) as hour_rank
    from hours
),

days as (
    select
        location_id,
        channel,
        arrival_date,
        cast(sum(arrivals) as bigint) as arrivals,
        max(case when hour_rank = 1 then arrival_hour end) as peak_hour
    from ranked
    group by location_id, channel, arrival_date
),

-- without the acquired shop, because nobody counts its visitors
sales as (
    select
        {{ visited_location('store_id', 'channel') }} as location_id,
        coalesce(channel, 'unknown') as channel,
        order_date,
        count(*) as orders
    from orders
    where is_counted and source_system = 'crm'
    group by
        {{ visited_location('store_id', 'channel') }},
        coalesce(channel, 'unknown'),
        order_date
)

select
    days.location_id,
    days.channel,
    days.arrival_date as date,
    days.arrivals,
    coalesce(sales.orders, 0) as orders,
    {{ ratio('coalesce(sales.orders, 0)', 'days.arrivals') }} as conversion_rate,
    days.peak_hour
from days
left join sales
    on
        days.location_id = sales.location_id
        and days.channel = sales.channel
        and days.arrival_date = sales.order_date
