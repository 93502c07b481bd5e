{%- set touched = {'key': 'customer_id', 'found': [
    differing_rows(
        'identity.provenance',
        'customer_id, field, value, source_system, source_id, rule, losing_values'
    ),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['customer_id', 'field'],
    meta={'touched': touched},
) }}

with

provenance as (
    select * from {{ source('identity', 'provenance') }}
    {{ only_touched(touched) }}
)

select
    customer_id,
    field,
    value,
    source_system,
    source_id,
    rule,
    losing_values
from provenance
