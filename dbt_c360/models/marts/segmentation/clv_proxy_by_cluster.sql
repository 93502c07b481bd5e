with

customers as (
    select * from {{ ref('int_customer_forecasts') }}
),

-- numbers are made exact before they are summed, so that the order of rows has no effect
rounded as (
    select
        cluster_id,
        persona,
        total_orders,
        net_spent,
        cast(round(months_active, 6) as decimal(18, 6)) as months_active,
        cast(round(engagement_weight, 6) as decimal(18, 6)) as engagement_weight,
        cast(round(expected_orders_12m, 6) as decimal(18, 6)) as expected_orders_12m,
        cast(round(p_active_12m, 6) as decimal(18, 6)) as p_active_12m,
        {{ money('clv_12m') }} as clv_12m,
        cast(round((clv_12m - clv_12m_low) * (clv_12m - clv_12m_low), 4) as decimal(38, 4))
            as below_squared,
        cast(round((clv_12m_high - clv_12m) * (clv_12m_high - clv_12m), 4) as decimal(38, 4))
            as above_squared
    from customers
    where cluster_id is not null
),

summed as (
    select
        cluster_id,
        persona,
        count(*) as customers,
        sum(total_orders) as total_orders,
        sum(net_spent) as net_spent,
        sum(months_active) as months_active,
        {{ exact_avg('engagement_weight') }} as engagement_weight,
        sum(expected_orders_12m) as expected_orders_12m,
        {{ exact_avg('p_active_12m') }} as p_active_12m,
        sum(clv_12m) as clv_12m,
        sqrt(sum(below_squared)) as below,
        sqrt(sum(above_squared)) as above
    from rounded
    group by cluster_id, persona
)

select
    cluster_id,
    persona,
    customers,
    {{ money_ratio('net_spent', 'total_orders') }} as avg_order_value,
    {{ ratio('total_orders', 'months_active') }} as orders_per_month,
    engagement_weight,
    {{ money_ratio('net_spent * engagement_weight', 'months_active') }} as clv_proxy,
    cast(expected_orders_12m as double) as expected_orders_12m,
    {{ money_ratio('clv_12m', 'expected_orders_12m') }} as expected_order_value,
    {{ money('clv_12m') }} as clv_12m,
    {{ money('clv_12m - below') }} as clv_12m_low,
    {{ money('clv_12m + above') }} as clv_12m_high,
    p_active_12m
from summed
