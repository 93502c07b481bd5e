with

segments as (
    select * from {{ ref('int_customer_segments') }}
),

rfm as (
    select * from {{ ref('customer_rfm') }}
),

orders as (
    select * from {{ ref('int_customer_orders') }}
)

select
    segments.customer_id,
    segments.cluster_id,
    segments.persona,
    segments.loyalty_score,
    segments.engagement_index,
    segments.online_purchase_ratio,
    segments.churn_risk_proxy,
    rfm.recency_days,
    rfm.frequency,
    rfm.monetary,
    {{ money_ratio('orders.total_spent', 'orders.total_orders') }} as avg_order_value
from segments
inner join rfm
    on segments.customer_id = rfm.customer_id
inner join orders
    on segments.customer_id = orders.customer_id
