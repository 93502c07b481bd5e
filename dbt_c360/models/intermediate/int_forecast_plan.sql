{#-
    A forecast is tried in the past before it is made: at the cutoff, on the window up to the as-of
    day. The window is the horizon where enough history lies before it, else two fifths of it.
-#}
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
        coalesce(min(orders.order_date), clock.as_of_date) as first_date
    from clock
    left join orders
        on orders.is_counted and orders.customer_id is not null
    group by clock.as_of_date
),

aged as (
    select
        *,
        {{ days_between('first_date', 'as_of_date') }} as age_days
    from known
),

planned as (
    select
        *,
        case
            when 4 * age_days >= 7 * {{ var('horizon_days') }} then {{ var('horizon_days') }}
            when age_days < 5 then 1
            else cast(floor(age_days * 2 / 5) as bigint)
        end as window_days
    from aged
)

select
    first_date,
    as_of_date,
    cast({{ var('horizon_days') }} as bigint) as horizon_days,
    window_days,
    cast({{ dbt.dateadd('day', '-window_days', 'as_of_date') }} as date) as cutoff_date,
    cast({{ dbt.dateadd('day', '-2 * window_days', 'as_of_date') }} as date) as window_start_date,
    cast({{ dbt.dateadd('day', -364, 'as_of_date') }} as date) as year_ago_date
from planned
