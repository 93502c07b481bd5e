{%- set touched = {'key': 'customer_id', 'found': [
    changed('int_consent_answers', 'customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['customer_id', 'purpose'],
    meta={'touched': touched},
) }}

select
    customer_id,
    purpose,
    is_granted,
    updated_at
from {{ ref('int_consent_answers') }}
{{ only_touched(touched) }}
