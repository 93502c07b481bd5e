{{ config(materialized='table') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

days as (
    select * from {{ ref('int_product_days') }}
),

reach as (
    select min(order_date) as first_date
    from days
),

dated as (
    select
        days.*,
        {{ days_between('days.order_date', 'clock.as_of_date') }} as days_ago,
        {{ days_between('reach.first_date', 'clock.as_of_date') }} + 1 as days_known
    from days
    cross join clock
    cross join reach
)

select
    product_id,
    cast(sum(units) as bigint) as units,
    cast(sum(orders) as bigint) as orders,
    {{ money_sum('revenue') }} as revenue,
    cast(sum(margin) as decimal(18, 2)) as margin,
    cast(coalesce(sum(case when days_ago < 90 then units end), 0) as bigint) as units_90d,
    -- who began to sell last week has no pace of ninety days
    cast(case when max(days_known) < 90 then max(days_known) else 90 end as bigint) as days_90d,
    cast(sum(units_out) as bigint) as units_out,
    cast(sum(units_back) as bigint) as units_back
from dated
group by product_id
