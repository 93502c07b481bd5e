with

clock as (
    select * from {{ ref('int_data_clock') }}
),

contacts as (
    select * from {{ ref('stg_campaign_contacts') }}
),

campaigns as (
    select * from {{ ref('stg_campaigns') }}
)

select
    contacts.contact_id,

    contacts.campaign_id,
    contacts.customer_id as source_customer_id,
    campaigns.campaign_name,
    campaigns.channel,
    contacts.contact_group,

    contacts.is_after_as_of,

    contacts.sent_at,
    case when not {{ is_after('contacts.opened_at') }} then contacts.opened_at end as opened_at,
    case when not {{ is_after('contacts.clicked_at') }} then contacts.clicked_at end as clicked_at
from contacts
cross join clock
left join campaigns
    on contacts.campaign_id = campaigns.campaign_id
