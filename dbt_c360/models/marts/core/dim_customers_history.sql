{%- set touched = {'key': 'customer_id', 'found': [
    changed('int_customer_versions', 'customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['customer_id', 'valid_from'],
    meta={'touched': touched},
) }}

with

versions as (
    select * from {{ ref('int_customer_versions') }}
    {{ only_touched(touched) }}
),

compared as (
    select
        *,
        lag(said) over (partition by customer_id order by valid_from) as said_before
    from versions
),

changed as (
    select *
    from compared
    where said_before is null or said_before <> said
)

select
    customer_id,
    valid_from,
    lead(valid_from) over (partition by customer_id order by valid_from) as valid_to,
    address_line1,
    city,
    state,
    zip_code,
    country,
    customer_segment,
    loyalty_tier
from changed
