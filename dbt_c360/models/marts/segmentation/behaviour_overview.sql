with

segments as (
    select * from {{ ref('int_customer_segments') }}
),

clusters as (
    select * from {{ ref('int_cluster_totals') }}
),

channels as (
    select * from {{ ref('int_customer_channels') }}
),

variety as (
    select * from {{ ref('int_customer_variety') }}
),

service as (
    select * from {{ ref('int_customer_service') }}
),

visits as (
    select * from {{ ref('int_customer_visits') }}
),

baskets as (
    select
        segments.cluster_id,
        sum(channels.orders) as orders,
        sum(channels.net_amount) as net_amount,
        sum(case when channels.channel in {{ online_channels() }} then channels.orders else 0 end)
            as online_orders,
        sum(case when channels.channel <> 'unknown' then channels.orders else 0 end)
            as orders_with_known_channel,
        sum(channels.orders_with_lines) as orders_with_lines,
        sum(channels.units) as units
    from channels
    inner join segments
        on channels.customer_id = segments.customer_id
    where channels.orders > 0 and segments.cluster_id is not null
    group by segments.cluster_id
),

browsing as (
    select
        segments.cluster_id,
        sum(visits.sessions) as sessions,
        {{ ratio('sum(visits.minutes)', 'sum(visits.timed_sessions)') }} as avg_session_minutes
    from visits
    inner join segments
        on visits.customer_id = segments.customer_id
    where segments.cluster_id is not null
    group by segments.cluster_id
),

people as (
    select
        segments.cluster_id,
        sum(coalesce(variety.categories_purchased, 0)) as categories,
        sum(service.tickets) as tickets
    from segments
    inner join service
        on segments.customer_id = service.customer_id
    left join variety
        on segments.customer_id = variety.customer_id
    where segments.cluster_id is not null
    group by segments.cluster_id
)

select
    clusters.cluster_id,
    clusters.persona,
    clusters.customers,
    {{ money_ratio('baskets.net_amount', 'baskets.orders') }} as avg_basket_value,
    {{ ratio('baskets.units', 'baskets.orders_with_lines') }} as avg_items,
    {{ ratio('baskets.online_orders', 'baskets.orders_with_known_channel') }} as online_ratio,
    {{ ratio('clusters.repeat_customers', 'clusters.customers') }} as repeat_ratio,
    {{ ratio('coalesce(browsing.sessions, 0)', 'clusters.customers') }} as sessions_per_customer,
    browsing.avg_session_minutes,
    {{ ratio('people.categories', 'clusters.customers') }} as categories_per_customer,
    {{ ratio('people.tickets', 'clusters.customers') }} as tickets_per_customer
from clusters
inner join people
    on clusters.cluster_id = people.cluster_id
left join baskets
    on clusters.cluster_id = baskets.cluster_id
left join browsing
    on clusters.cluster_id = browsing.cluster_id
