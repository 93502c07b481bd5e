with

weeks as (
    select * from {{ ref('int_category_weeks') }}
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
left join weeks as last_year
    on
        weeks.category = last_year.category
        and last_year.week = cast({{ dbt.dateadd('day', -364, 'weeks.week') }} as date)
