{%- set touched = {'key': 'customer_id', 'found': [
    changed('fct_sessions', 'customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

sessions as (
    select * from {{ ref('fct_sessions') }}
    {{ only_touched(touched, table=ref('fct_sessions')) }}
)

select
    customer_id,
    count(*) as sessions,
    count(minutes) as timed_sessions,
    cast(sum(minutes) as decimal(18, 2)) as minutes
from sessions
where not is_after_as_of and customer_id is not null
group by customer_id
