with

clock as (
    select * from {{ ref('int_data_clock') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

days as (
    select
        order_date,
        count(*) as orders
    from orders
    where is_counted and customer_id is not null
    group by order_date
),

followed as (
    select
        order_date,
        lag(order_date) over (order by order_date) as previous_date,
        sum(orders) over (order by order_date) - orders as orders_before,
        sum(orders) over () as all_orders
    from days
),

-- a few orders and then a long gap are mistyped years, so the history begins after the gap (as in
-- features.py)
begun as (
    select
        coalesce(
            max(
                case
                    when
                        {{ days_between('previous_date', 'order_date') }} > 90
                        and orders_before * 100 < all_orders
                        then order_date
                end
            ),
            min(order_date)
        ) as first_date
    from followed
),

known as (
    select
        clock.as_of_date,
        coalesce(begun.first_date, clock.as_of_date) as first_date,
        cast({{ var('horizon_days') }} as bigint) as horizon_days
    from clock
    cross join begun
),

{{ forecast_plan('known') }}
