with

customers as (
    select * from {{ ref('int_customer_forecasts') }}
)

select
    customer_id,
    cluster_id,
    {{ money_ratio('net_spent', 'total_orders') }} as avg_order_value,
    {{ ratio('total_orders', 'months_active') }} as orders_per_month,
    round(engagement_weight, 6) as engagement_weight,
    {{ money_ratio('net_spent * engagement_weight', 'months_active') }} as clv_proxy,
    round(expected_orders_12m, 6) as expected_orders_12m,
    {{ money_ratio('clv_12m', 'expected_orders_12m') }} as expected_order_value,
    {{ money('clv_12m') }} as clv_12m,
    {{ money('clv_12m_low') }} as clv_12m_low,
    {{ money('clv_12m_high') }} as clv_12m_high,
    round(p_active_12m, 6) as p_active_12m
from customers
