{%- set touched = {'key': 'source_system, source_id', 'found': [
    changed('stg_transactions', "'crm', customer_id"),
    changed('stg_support_tickets', "'crm', customer_id"),
    changed('stg_app_usage', "'crm', customer_id"),
    changed('stg_loyalty_program', "'crm', customer_id"),
    changed('stg_consents', "'crm', customer_id"),
    changed('stg_campaign_contacts', "'crm', customer_id"),
    changed('stg_workbook_transactions', "'workbooks', customer_id"),
    changed('stg_customer_support', "'workbooks', customer_id"),
    changed('stg_web_interactions', "'workbooks', customer_id"),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['source_system', 'source_id'],
    meta={'touched': touched},
) }}

with

transactions as (
    select * from {{ ref('stg_transactions') }}
    {{ only_touched(touched, "'crm', customer_id") }}
),

tickets as (
    select * from {{ ref('stg_support_tickets') }}
    {{ only_touched(touched, "'crm', customer_id") }}
),

app_sessions as (
    select * from {{ ref('stg_app_usage') }}
    {{ only_touched(touched, "'crm', customer_id") }}
),

memberships as (
    select * from {{ ref('stg_loyalty_program') }}
    {{ only_touched(touched, "'crm', customer_id") }}
),

consents as (
    select * from {{ ref('stg_consents') }}
    {{ only_touched(touched, "'crm', customer_id") }}
),

contacts as (
    select * from {{ ref('stg_campaign_contacts') }}
    {{ only_touched(touched, "'crm', customer_id") }}
),

workbook_orders as (
    select * from {{ ref('stg_workbook_transactions') }}
    {{ only_touched(touched, "'workbooks', customer_id") }}
),

workbook_tickets as (
    select * from {{ ref('stg_customer_support') }}
    {{ only_touched(touched, "'workbooks', customer_id") }}
),

web_sessions as (
    select * from {{ ref('stg_web_interactions') }}
    {{ only_touched(touched, "'workbooks', customer_id") }}
),

mentioned as (
    select
        'crm' as source_system,
        customer_id
    from transactions
    union
    select
        'crm' as source_system,
        customer_id
    from tickets
    union
    select
        'crm' as source_system,
        customer_id
    from app_sessions
    union
    select
        'crm' as source_system,
        customer_id
    from memberships
    union
    select
        'crm' as source_system,
        customer_id
    from consents
    union
    select
        'crm' as source_system,
        customer_id
    from contacts
    union
    select
        'workbooks' as source_system,
        customer_id
    from workbook_orders
    union
    select
        'workbooks' as source_system,
        customer_id
    from workbook_tickets
    union
    select
        'workbooks' as source_system,
        customer_id
    from web_sessions
)

select
    source_system,
    customer_id as source_id
from mentioned
where customer_id is not null
