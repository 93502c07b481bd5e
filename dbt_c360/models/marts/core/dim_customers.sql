{%- set touched = {'key': 'customer_id', 'found': [
    changed('int_golden_customers', 'customer_id'),
    changed('int_customer_loyalty', 'customer_id'),
    differing(
        'silver.int_customer_genders', 'customer_id, customer_gender, customer_gender_source'
    ),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

customers as (
    select * from {{ ref('int_golden_customers') }}
    {{ only_touched(touched) }}
),

genders as (
    select * from {{ ref('int_customer_genders') }}
),

memberships as (
    select * from {{ ref('int_customer_loyalty') }}
)

select
    customers.customer_id,

    customers.first_name,
    customers.last_name,
    customers.email,
    customers.phone,
    genders.customer_gender,
    genders.customer_gender_source,
    customers.address_line1,
    customers.city,
    customers.state,
    customers.zip_code,
    customers.country,
    customers.customer_segment,
    customers.preferred_channel,
    memberships.loyalty_tier,
    customers.source_systems,

    customers.source_records,

    customers.is_phone_valid,
    customers.is_inferred,
    customers.is_after_as_of,

    customers.date_of_birth,
    customers.registered_at
from customers
inner join genders
    on customers.customer_id = genders.customer_id
left join memberships
    on customers.customer_id = memberships.customer_id
