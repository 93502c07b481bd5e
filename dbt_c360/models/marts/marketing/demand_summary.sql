with

clock as (
    select * from {{ ref('int_data_clock') }}
),

weeks as (
    select * from {{ ref('int_category_weeks') }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
),

bounds as (
    select min(order_date) as first_date
    from lines
    where is_counted
)

select
    weeks.category,
    weeks.week,
    weeks.units,
    weeks.orders,
    weeks.revenue,
    weeks.customers,
    {{ money_ratio('weeks.revenue', 'weeks.orders') }} as avg_spend,
    {{ ratio('weeks.units', 'last_year.units') }} as units_vs_last_year
from weeks
cross join clock
cross join bounds
left join weeks as last_year
    on
        weeks.category = last_year.category
        and last_year.week = cast({{ dbt.dateadd('day', -364, 'weeks.week') }} as date)
        -- a week that is not over yet cannot be compared with a whole one
        and clock.as_of_date >= cast({{ dbt.dateadd('day', 6, 'weeks.week') }} as date)
        and bounds.first_date <= last_year.week
