-- If a day's file is missing or incomplete, the dip looks like bad business. Warn: a row for each
-- system and day of the week before the as-of day (which may not be over yet) with fewer orders
-- than a quarter of those that the same weekday had in each of the four weeks before.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_orders'}}}) }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

days as (
    select
        orders.source_system,
        orders.order_date,
        count(*) as orders
    from orders
    cross join clock
    where {{ days_between('orders.order_date', 'clock.as_of_date') }} between 1 and 35
    group by orders.source_system, orders.order_date
),

expected as (
    select
        earlier.source_system,
        calendar.calendar_date,
        min(earlier.orders) as fewest_orders
    from calendar
    cross join clock
    inner join days as earlier
        on
            {{ days_between('earlier.order_date', 'calendar.calendar_date') }}
            in (7, 14, 21, 28)
    where {{ days_between('calendar.calendar_date', 'clock.as_of_date') }} between 1 and 7
    group by earlier.source_system, calendar.calendar_date
    having count(*) = 4
)

select
    expected.source_system,
    expected.calendar_date as order_date,
    coalesce(days.orders, 0) as orders_that_day,
    expected.fewest_orders
from expected
left join days
    on
        expected.source_system = days.source_system
        and expected.calendar_date = days.order_date
where expected.fewest_orders >= 20 and coalesce(days.orders, 0) * 4 < expected.fewest_orders
