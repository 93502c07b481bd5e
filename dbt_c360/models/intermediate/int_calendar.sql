with

clock as (
    select * from {{ ref('int_data_clock') }}
),

orders as (
    select * from {{ ref('int_orders') }}
),

bounds as (
    select
        max(clock.as_of_date) as as_of_date,
        cast({{ dbt.date_trunc('year', 'min(cast(orders.ordered_at as date))') }} as date)
            as first_date
    from clock
    left join orders
        on orders.is_counted
),

-- a hundred years are enough for any retailer, and limit the days if a year is mistyped
numbers as (
    {{ dbt.generate_series(36525) }}
),

days as (
    select
        cast(
            {{ dbt.dateadd(
                'day', '1 - cast(numbers.generated_number as integer)', 'bounds.as_of_date'
            ) }} as date
        ) as calendar_date
    from bounds
    cross join numbers
)

select days.calendar_date
from days
cross join bounds
where days.calendar_date >= coalesce(bounds.first_date, bounds.as_of_date)
