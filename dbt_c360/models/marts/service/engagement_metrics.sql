{%- set spans = {
    'app_{}_30d': "touchpoint = 'app' and days_ago < 30",
    'app_{}_90d': "touchpoint = 'app' and days_ago < 90",
    'web_{}_30d': "touchpoint = 'web' and days_ago < 30",
    'web_{}_90d': "touchpoint = 'web' and days_ago < 90",
} -%}

{%- set touched = {'key': 'customer_id', 'found': [
    changed('customer_identities', 'customer_id'),
    changed('fct_sessions', 'customer_id'),
    passed('gold.fct_sessions', 'customer_id', 'session_date', 30),
    passed('gold.fct_sessions', 'customer_id', 'session_date', 90),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
    {{ only_touched(touched) }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
    {{ only_touched(touched, table=ref('fct_sessions')) }}
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
        {%- for span, recent in spans.items() %}
            {{ count_if(recent) }} as {{ span.format('sessions') }},
            sum(case when {{ recent }} then page_views end) as {{ span.format('page_views') }},
            sum(case when {{ recent }} then minutes end) as {{ span.format('minutes') }},
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
    -- without sessions, pages and minutes are 0; if sessions do not give them, they are null
    {%- for span in spans %}
        {%- set sessions = 'coalesce(summed.' ~ span.format('sessions') ~ ', 0)' %}
        {%- set pages, minutes = span.format('page_views'), span.format('minutes') %}
        {{ sessions }} as {{ span.format('sessions') }},
        cast(case when {{ sessions }} = 0 then 0 else summed.{{ pages }} end as bigint)
            as {{ pages }},
        cast(case when {{ sessions }} = 0 then 0 else summed.{{ minutes }} end as decimal(18, 2))
            as {{ minutes }},
    {%- endfor %}
    summed.last_session_date
from customers
left join summed
    on customers.customer_id = summed.customer_id
