{%- set touched = {'key': 'customer_id', 'found': [
    changed('dim_customers', 'customer_id'),
    changed('int_customer_loyalty', 'customer_id'),
    changed('int_customer_service', 'customer_id'),
    changed('engagement_metrics', 'customer_id'),
    changed('int_customer_consents', 'customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

customers as (
    select * from {{ ref('dim_customers') }}
    {{ only_touched(touched) }}
),

memberships as (
    select * from {{ ref('int_customer_loyalty') }}
),

service as (
    select * from {{ ref('int_customer_service') }}
),

engagement as (
    select * from {{ ref('engagement_metrics') }}
),

consents as (
    select * from {{ ref('int_customer_consents') }}
)

select
    customers.customer_id,

    customers.first_name,
    customers.last_name,
    customers.email,
    customers.phone,
    customers.customer_gender,
    customers.address_line1,
    customers.city,
    customers.state,
    customers.zip_code,
    customers.country,
    customers.customer_segment,
    customers.preferred_channel,
    memberships.loyalty_tier,

    memberships.points_balance,
    memberships.points_earned_ytd,
    memberships.points_redeemed_ytd,
    service.tickets,
    service.tickets_open,
    service.avg_satisfaction,
    engagement.sessions,
    engagement.sessions_90d,

    customers.is_phone_valid,
    customers.is_inferred,
    consents.marketing_consent,
    consents.profiling_consent,

    customers.date_of_birth,
    memberships.tier_start_date,
    customers.registered_at,
    service.last_ticket_at,
    engagement.last_session_date
from customers
inner join service
    on customers.customer_id = service.customer_id
inner join engagement
    on customers.customer_id = engagement.customer_id
left join memberships
    on customers.customer_id = memberships.customer_id
left join consents
    on customers.customer_id = consents.customer_id
