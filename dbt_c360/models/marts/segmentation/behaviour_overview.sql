with

segments as (
    select * from {{ ref('int_customer_segments') }}
),

clusters as (
    select * from {{ ref('int_cluster_totals') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

variety as (
    select * from {{ ref('int_customer_variety') }}
),

service as (
    select * from {{ ref('int_customer_service') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

baskets as (
    select
        segments.cluster_id,
        count(*) as orders,
        sum(orders.net_amount) as net_amount,
        {{ count_if("orders.channel in ('online', 'mobile')") }} as online_orders,
        {{ count_if('orders.lines > 0') }} as orders_with_lines,
        sum(case when orders.lines > 0 then orders.units end) as units
    from orders
    inner join segments
        on orders.customer_id = segments.customer_id
    where orders.is_counted and segments.cluster_id is not null
    group by segments.cluster_id
),

visits as (
    select
        segments.cluster_id,
        count(*) as sessions,
        {{ exact_avg('sessions.minutes') }} as avg_session_minutes
    from sessions
    inner join segments
        on sessions.customer_id = segments.customer_id
    where not sessions.is_after_as_of and segments.cluster_id is not null
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
    {{ ratio('baskets.online_orders', 'baskets.orders') }} as online_ratio,
    {{ ratio('clusters.repeat_customers', 'clusters.customers') }} as repeat_ratio,
    {{ ratio('coalesce(visits.sessions, 0)', 'clusters.customers') }} as sessions_per_customer,
    visits.avg_session_minutes,
    {{ ratio('people.categories', 'clusters.customers') }} as categories_per_customer,
    {{ ratio('people.tickets', 'clusters.customers') }} as tickets_per_customer
from clusters
inner join people
    on clusters.cluster_id = people.cluster_id
left join baskets
    on clusters.cluster_id = baskets.cluster_id
left join visits
    on clusters.cluster_id = visits.cluster_id
