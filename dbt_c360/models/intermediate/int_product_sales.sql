{{ config(materialized='table') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

days as (
    select * from {{ ref('int_product_days') }}
),

dated as (
    select
        days.*,
        {{ days_between('days.order_date', 'clock.as_of_date') }} as days_ago
    from days
    cross join clock
)

select
    product_id,
    cast(sum(units) as bigint) as units,
    cast(sum(orders) as bigint) as orders,
    {{ money_sum('revenue') }} as revenue,
    cast(sum(margin) as decimal(18, 2)) as margin,
    cast(coalesce(sum(case when days_ago < 90 then units end), 0) as bigint) as units_90d,
    cast(sum(units_out) as bigint) as units_out,
    cast(sum(units_back) as bigint) as units_back
from dated
group by product_id
