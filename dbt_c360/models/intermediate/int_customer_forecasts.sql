{%- set first_date = 'cast(orders.first_ordered_at as date)' -%}
{%- set months = days_between(first_date, 'clock.as_of_date') ~ ' / 30.4375' -%}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

segments as (
    select * from {{ ref('int_customer_segments') }}
),

orders as (
    select * from {{ ref('int_customer_orders') }}
),

forecasts as (
    select * from {{ source('science', 'forecasts') }}
)

-- less than a month counts as one month, so that one order on the first day is not thirty a month
select
    segments.customer_id,
    segments.cluster_id,
    segments.persona,
    orders.total_orders,
    orders.net_spent,
    case
        when orders.total_orders > 0
            then case when {{ months }} < 1 then 1 else {{ months }} end
    end as months_active,
    segments.engagement_weight,
    forecasts.expected_orders_12m,
    forecasts.clv_12m,
    forecasts.clv_12m_low,
    forecasts.clv_12m_high,
    forecasts.p_active_12m,
    forecasts.churn_risk
from segments
cross join clock
inner join orders
    on segments.customer_id = orders.customer_id
left join forecasts
    on segments.customer_id = forecasts.customer_id
