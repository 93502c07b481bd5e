with

clock as (
    select * from {{ ref('int_data_clock') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

dated as (
    select
        sessions.*,
        {{ days_between('sessions.session_date', 'clock.as_of_date') }} as days_ago
    from sessions
    cross join clock
    where not sessions.is_after_as_of and sessions.customer_id is not null
),

summed as (
    select
        customer_id,
        count(*) as sessions,
        {{ count_if('days_ago < 30') }} as sessions_30d,
        {{ count_if('days_ago < 90') }} as sessions_90d,
        {%- for touchpoint in ['app', 'web'] %}
            {%- for days in [30, 90] %}
                {%- set recent = "touchpoint = '" ~ touchpoint ~ "' and days_ago < " ~ days %}
                {{ count_if(recent) }} as {{ touchpoint }}_sessions_{{ days }}d,
                sum(case when {{ recent }} then page_views end) as {{ touchpoint }}_page_views_{{ days }}d,
                sum(case when {{ recent }} then minutes end) as {{ touchpoint }}_minutes_{{ days }}d,
            {%- endfor %}
        {%- endfor %}
        max(session_date) as last_session_date
    from dated
    group by customer_id
)

select
    customers.customer_id,
    coalesce(summed.sessions, 0) as sessions,
    coalesce(summed.sessions_30d, 0) as sessions_30d,
    coalesce(summed.sessions_90d, 0) as sessions_90d,
    {%- for touchpoint in ['app', 'web'] %}
        {%- for days in [30, 90] %}
            coalesce(summed.{{ touchpoint }}_sessions_{{ days }}d, 0) as {{ touchpoint }}_sessions_{{ days }}d,
            cast(coalesce(summed.{{ touchpoint }}_page_views_{{ days }}d, 0) as bigint)
                as {{ touchpoint }}_page_views_{{ days }}d,
            cast(coalesce(summed.{{ touchpoint }}_minutes_{{ days }}d, 0) as decimal(18, 2))
                as {{ touchpoint }}_minutes_{{ days }}d,
        {%- endfor %}
    {%- endfor %}
    summed.last_session_date
from customers
left join summed
    on customers.customer_id = summed.customer_id
