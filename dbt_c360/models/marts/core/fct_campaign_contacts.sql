with

contacts as (
    select * from {{ ref('int_campaign_contacts') }}
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
