with

segments as (
    select * from {{ ref('int_customer_segments') }}
),

orders as (
    select * from {{ ref('int_customer_orders') }}
),

forecasts as (
    select * from {{ source('science', 'forecasts') }}
)

select
    segments.cluster_id,
    segments.persona,
    count(*) as customers,
    sum(orders.total_orders) as total_orders,
    {{ money_sum('orders.total_spent') }} as total_spent,
    {{ money_sum('orders.net_spent') }} as net_spent,
    {{ count_if('orders.purchases > 1') }} as repeat_customers,
    sum({{ money('forecasts.clv_12m') }}) as clv_12m,
    count(forecasts.clv_12m) as customers_forecast,
    sum(cast(round(forecasts.churn_risk, 6) as decimal(18, 6))) as churn_risk
from segments
inner join orders
    on segments.customer_id = orders.customer_id
left join forecasts
    on segments.customer_id = forecasts.customer_id
where segments.cluster_id is not null
group by segments.cluster_id, segments.persona
