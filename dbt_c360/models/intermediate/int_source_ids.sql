{{ config(
    materialized='incremental',
    incremental_strategy='whole',
    unique_key=['source_system', 'source_id'],
) }}

with

transactions as (
    select * from {{ ref('stg_transactions') }}
),

tickets as (
    select * from {{ ref('stg_support_tickets') }}
),

app_sessions as (
    select * from {{ ref('stg_app_usage') }}
),

memberships as (
    select * from {{ ref('stg_loyalty_program') }}
),

consents as (
    select * from {{ ref('stg_consents') }}
),

contacts as (
    select * from {{ ref('stg_campaign_contacts') }}
),

workbook_orders as (
    select * from {{ ref('stg_workbook_transactions') }}
),

workbook_tickets as (
    select * from {{ ref('stg_customer_support') }}
),

web_sessions as (
    select * from {{ ref('stg_web_interactions') }}
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
