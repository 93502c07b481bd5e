{{ config(materialized='table') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
),

moved as (
    select
        lines.*,
        lines.order_status = 'refunded'
        and not lines.is_after_as_of
        and lines.order_date is not null as is_refunded,
        {{ days_between('lines.order_date', 'clock.as_of_date') }} as days_ago
    from lines
    cross join clock
    where lines.product_id is not null
),

per_order as (
    select
        product_id,
        order_id,
        max(case when is_counted then 1 else 0 end) as is_counted,
        sum(case when is_counted then quantity end) as units,
        sum(case when is_counted then total_price end) as revenue,
        sum(case when is_counted then margin end) as margin,
        sum(case when is_counted and days_ago < 90 then quantity end) as units_90d,
        sum(case when (is_counted or is_refunded) and quantity > 0 then quantity end) as units_out,
        sum(
            case
                when is_counted and quantity < 0 then -quantity
                when is_refunded and quantity > 0 then quantity
            end
        ) as units_back
    from moved
    group by product_id, order_id
)

select
    product_id,
    cast(coalesce(sum(units), 0) as bigint) as units,
    cast(sum(is_counted) as bigint) as orders,
    {{ money_sum('revenue') }} as revenue,
    cast(sum(margin) as decimal(18, 2)) as margin,
    cast(coalesce(sum(units_90d), 0) as bigint) as units_90d,
    cast(coalesce(sum(units_out), 0) as bigint) as units_out,
    cast(coalesce(sum(units_back), 0) as bigint) as units_back
from per_order
group by product_id
