{#-
    Before a forecast is made, it is tried in the past: it is made as of the cutoff and compared
    with the window from there to the as-of day. The window is as long as the horizon if the history
    is at least 7/4 of the horizon long, else two fifths of the history.
-#}

{% macro forecast_plan(known) -%}
aged as (
    select
        *,
        {{ days_between('first_date', 'as_of_date') }} as age_days
    from {{ known }}
),

planned as (
    select
        *,
        case
            when 4 * age_days >= 7 * horizon_days then horizon_days
            when age_days < 5 then 1
            else cast(floor(age_days * 2 / 5) as bigint)
        end as window_days
    from aged
)

select
    first_date,
    as_of_date,
    horizon_days,
    window_days,
    cast({{ dbt.dateadd('day', '-window_days', 'as_of_date') }} as date) as cutoff_date,
    cast({{ dbt.dateadd('day', '-2 * window_days', 'as_of_date') }} as date) as window_start_date,
    cast({{ dbt.dateadd('day', -364, 'as_of_date') }} as date) as year_ago_date
from planned
{%- endmacro %}

{#- One row per customer: purchases up to the plan's day, up to its cutoff and up to a year ago. -#}
{% macro forecast_features(plan) -%}
    {#- By prefix: up to which day purchases count, and after which day the last window begins. -#}
{%- set histories = {
    '': ('plan.as_of_date', 'plan.cutoff_date'),
    'past_': ('plan.cutoff_date', 'plan.window_start_date'),
} -%}
{%- set presences = {
    '': 'plan.as_of_date', 'past_': 'plan.cutoff_date', 'year_ago_': 'plan.year_ago_date',
} -%}

with

plan as (
    select * from {{ plan }}
),

customers as (
    select * from {{ ref('dim_customers') }}
),

days as (
    select * from {{ ref('int_customer_days') }}
),

measured as (
    select
        days.customer_id,
    {%- for prefix, until in presences.items() %}
        {%- set bought = 'days.is_purchase and days.order_date <= ' ~ until %}
            nullif({{ count_if(bought) }}, 0) - 1 as {{ prefix }}frequency,
            min(case when {{ bought }} then days.order_date end) as {{ prefix }}first_date,
            max(case when {{ bought }} then days.order_date end) as {{ prefix }}last_date,
    {%- endfor %}
    {%- for prefix, (until, since) in histories.items() %}
        {%- set late = 'days.order_date > ' ~ since ~ ' and days.order_date <= ' ~ until %}
        {{ money_sum('case when ' ~ late ~ ' then days.amount end') }}
                as {{ prefix }}spend_last,
            {{ count_if('days.is_purchase and ' ~ late) }} as {{ prefix }}purchases_last,
    {%- endfor %}
    {{ money_sum('case when days.order_date <= plan.cutoff_date then days.amount end') }}
            as past_spend,
        {{ count_if(
            'days.is_purchase and days.order_date > plan.year_ago_date and days.order_date <= '
            ~ dbt.dateadd('day', 'plan.horizon_days', 'plan.year_ago_date')
        ) }} as year_ago_purchases_after
    from days
    inner join plan
        on days.order_date >= plan.first_date and days.order_date <= plan.as_of_date
    group by days.customer_id
)

select
    customers.customer_id,
    {%- for prefix, until in presences.items() %}
        {{ 'measured.' ~ prefix ~ 'frequency' }},
        {{ days_between('measured.' ~ prefix ~ 'first_date', 'measured.' ~ prefix ~ 'last_date') }}
            as {{ prefix }}recency_days,
        {{ days_between('measured.' ~ prefix ~ 'first_date', until) }} as {{ prefix }}age_days,
    {%- endfor %}
    {#- The last window before the plan's day begins after the cutoff, so both add up to all. #}
    {{ money('measured.past_spend + measured.spend_last') }} as spend,
    measured.spend_last,
    measured.purchases_last,
    measured.past_spend,
    measured.past_spend_last,
    measured.past_purchases_last,
    measured.spend_last as past_spend_after,
    measured.purchases_last as past_purchases_after,
    measured.year_ago_purchases_after
from customers
cross join plan
left join measured
    on customers.customer_id = measured.customer_id
{%- endmacro %}
