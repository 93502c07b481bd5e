with

versions as (
    {{ latest_versions('campaign_contacts', ['contact_id']) }}
)

select
    {{ clean_text('versions.contact_id') }} as contact_id,
    {{ clean_text('versions.campaign_id') }} as campaign_id,
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.' ~ adapter.quote('group')) }} as contact_group,

    {{ is_after('versions.sent_at') }} as is_after_as_of,

    versions.sent_at,
    versions.opened_at,
    versions.clicked_at
from versions
