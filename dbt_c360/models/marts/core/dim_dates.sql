with

days as (
    select * from {{ ref('int_calendar') }}
)

select
    calendar_date,
    {{ year_month('calendar_date') }} as month,
    {{ week_start('calendar_date') }} as week,
    cast(extract(year from calendar_date) as bigint) as year,
    cast(extract(quarter from calendar_date) as bigint) as quarter,
    cast({{ dbt.datediff(week_start('calendar_date'), 'calendar_date', 'day') }} + 1 as bigint)
        as weekday,
    {{ dbt.datediff(week_start('calendar_date'), 'calendar_date', 'day') }} >= 5 as is_weekend
from days
