{{ config(materialized='table') }}

with

customers as (
    select * from {{ ref('dim_customers') }}
),

channels as (
    select * from {{ ref('int_customer_channels') }}
),

buyers as (
    select distinct customer_id
    from channels
    where purchases > 0
),

segments as (
    select * from {{ source('science', 'segments') }}
)

-- customers who bought nothing, or only gave something back, are in no cluster
select
    customers.customer_id,
    case when buyers.customer_id is not null then segments.cluster_id end as cluster_id,
    case
        when buyers.customer_id is null then 'No purchase yet'
        else segments.persona
    end as persona,
    segments.loyalty_score,
    segments.engagement_index,
    segments.online_purchase_ratio,
    segments.churn_risk_proxy,
    segments.engagement_weight
from customers
left join buyers
    on customers.customer_id = buyers.customer_id
left join segments
    on customers.customer_id = segments.customer_id
