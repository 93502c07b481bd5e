{%- set touched = {'key': 'source_system, source_id', 'found': [
    changed('int_source_ids', 'source_system, source_id'),
    changed('stg_customers', "'crm', customer_id"),
    changed('stg_customer_master', "'workbooks', customer_id"),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['source_system', 'source_id'],
    meta={'touched': touched},
) }}

with

registrations as (
    select * from {{ ref('stg_customers') }}
    {{ only_touched(touched, "'crm', customer_id") }}
),

workbook_customers as (
    select * from {{ ref('stg_customer_master') }}
    {{ only_touched(touched, "'workbooks', customer_id") }}
),

mentioned as (
    select * from {{ ref('int_source_ids') }}
    {{ only_touched(touched) }}
),

registered as (
    select
        'crm' as source_system,
        customer_id as source_id,
        first_name,
        last_name,
        email,
        phone,
        address_line1,
        city,
        state,
        zip_code,
        country,
        gender,
        customer_segment,
        preferred_channel,
        is_phone_valid,
        is_after_as_of,
        date_of_birth,
        registered_at
    from registrations
    union all
    select
        'workbooks' as source_system,
        workbook_customers.customer_id as source_id,
        workbook_customers.first_name,
        workbook_customers.last_name,
        workbook_customers.email,
        workbook_customers.phone,
        null as address_line1,
        workbook_customers.city,
        workbook_customers.state,
        null as zip_code,
        null as country,
        null as gender,
        null as customer_segment,
        null as preferred_channel,
        workbook_customers.is_phone_valid,
        workbook_customers.is_after_as_of,
        cast(null as date) as date_of_birth,
        workbook_customers.registered_at
    from workbook_customers
)

select
    coalesce(registered.source_system, mentioned.source_system) as source_system,
    coalesce(registered.source_id, mentioned.source_id) as source_id,

    registered.first_name,
    registered.last_name,
    registered.email,
    registered.phone,
    registered.address_line1,
    registered.city,
    registered.state,
    registered.zip_code,
    registered.country,
    registered.gender,
    registered.customer_segment,
    registered.preferred_channel,

    registered.is_phone_valid,
    registered.source_id is null as is_inferred,
    coalesce(registered.is_after_as_of, false) as is_after_as_of,

    registered.date_of_birth,
    registered.registered_at
from registered
full outer join mentioned
    on
        registered.source_system = mentioned.source_system
        and registered.source_id = mentioned.source_id
