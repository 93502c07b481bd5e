{%- set touched = {'key': 'customer_id', 'found': [
    changed('int_consent_answers', 'customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

consents as (
    select * from {{ ref('int_consent_answers') }}
    {{ only_touched(touched) }}
)

select
    customer_id,
    max(case when purpose like 'marketing%' then case when is_granted then 1 else 0 end end) = 1
        as marketing_consent,
    max(case when purpose = 'profiling' then case when is_granted then 1 else 0 end end) = 1
        as profiling_consent
from consents
group by customer_id
