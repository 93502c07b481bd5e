with

segments as (
    select * from {{ ref('int_customer_segments') }}
),

channels as (
    select * from {{ ref('int_customer_channels') }}
)

select
    segments.cluster_id,
    channels.channel,
    {{ count_if('channels.orders > 0') }} as customers,
    cast(sum(channels.orders) as bigint) as orders,
    {{ money_sum('channels.net_amount') }} as revenue,
    {{ money_ratio('sum(channels.total_amount)', 'sum(channels.orders)') }} as avg_order_value,
    {{ ratio('sum(channels.units_back)', 'sum(channels.units_out)') }} as return_rate
from channels
inner join segments
    on channels.customer_id = segments.customer_id
where segments.cluster_id is not null
group by segments.cluster_id, channels.channel
