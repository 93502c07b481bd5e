-- A few orders long before all others probably have a mistyped year. Warn: only their owner knows
-- the right one. They are in every sum except those of forecasts, and everything that is shown
-- since the first order begins with them; each row names a day.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_orders'}}}) }}

with

orders as (
    select * from {{ ref('fct_orders') }}
),

plan as (
    select * from {{ ref('int_forecast_plan') }}
)

select
    orders.order_date,
    count(*) as orders,
    max(plan.first_date) as history_begins
from orders
cross join plan
where orders.is_counted and orders.customer_id is not null and orders.order_date < plan.first_date
group by orders.order_date
