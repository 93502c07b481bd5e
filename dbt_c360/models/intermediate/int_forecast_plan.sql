with

clock as (
    select * from {{ ref('int_data_clock') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

known as (
    select
        clock.as_of_date,
        coalesce(min(orders.order_date), clock.as_of_date) as first_date,
        cast({{ var('horizon_days') }} as bigint) as horizon_days
    from clock
    left join orders
        on orders.is_counted and orders.customer_id is not null
    group by clock.as_of_date
),

{{ forecast_plan('known') }}
