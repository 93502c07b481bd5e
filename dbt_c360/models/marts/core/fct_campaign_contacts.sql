{%- set touched = {'key': 'contact_id', 'found': [
    changed('stg_campaign_contacts', 'contact_id'),
    naming_changed('stg_campaigns', 'contact_id', by='campaign_id'),
    naming_changed('customer_identities', 'contact_id', by='customer_id'),
    passed('silver.stg_campaign_contacts', 'contact_id', 'opened_at'),
    passed('silver.stg_campaign_contacts', 'contact_id', 'clicked_at'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='contact_id',
    meta={'touched': touched},
) }}

with

contacts as (
    select * from {{ ref('int_campaign_contacts') }}
    {{ only_touched(touched) }}
),

identities as (
    select * from {{ ref('customer_identities') }}
)

select
    contacts.contact_id,

    contacts.campaign_id,
    identities.customer_id,
    contacts.campaign_name,
    contacts.channel,
    contacts.contact_group,

    contacts.is_after_as_of,

    cast(contacts.sent_at as date) as sent_date,
    contacts.sent_at,
    contacts.opened_at,
    contacts.clicked_at
from contacts
left join identities
    on
        contacts.source_customer_id = identities.source_id
        and identities.source_system = 'crm'
