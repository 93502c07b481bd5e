with

clock as (
    select * from {{ ref('int_data_clock') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

begun as (
    select min(order_date) as first_date
    from orders
    where is_counted and customer_id is not null
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
