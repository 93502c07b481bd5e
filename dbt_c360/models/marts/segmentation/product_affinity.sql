with

segments as (
    select * from {{ ref('int_customer_segments') }}
),

preferences as (
    select * from {{ ref('product_preferences') }}
),

summed as (
    select
        segments.cluster_id,
        preferences.category,
        {{ count_if('preferences.is_bought') }} as customers,
        sum(preferences.orders) as orders,
        {{ money_sum('preferences.revenue') }} as revenue
    from preferences
    inner join segments
        on preferences.customer_id = segments.customer_id
    where segments.cluster_id is not null
    group by segments.cluster_id, preferences.category
),

shared as (
    select
        *,
        sum(revenue) over (partition by cluster_id) as cluster_revenue,
        sum(revenue) over (partition by category) as category_revenue,
        sum(revenue) over () as all_revenue
    from summed
),

lifted as (
    select
        *,
        {{ ratio('revenue', 'cluster_revenue') }} as revenue_share,
        round(
            (cast(revenue as double) / nullif(cast(cluster_revenue as double), 0))
            / nullif(cast(category_revenue as double) / nullif(cast(all_revenue as double), 0), 0),
            6
        ) as lift
    from shared
)

select
    cluster_id,
    category,
    customers,
    cast(orders as bigint) as orders,
    revenue,
    revenue_share,
    lift,
    cast(
        row_number() over (
            partition by cluster_id
            order by coalesce(lift, 0) desc, revenue desc, category asc
        ) as bigint
    ) as rank
from lifted
