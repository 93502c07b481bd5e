{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='contact_id') }}

with

versions as (
    {{ latest_versions('campaign_contacts', ['contact_id'], day='sent_at') }}
)

select
    {{ clean_text('versions.contact_id') }} as contact_id,
    {{ clean_text('versions.campaign_id') }} as campaign_id,
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.' ~ adapter.quote('group')) }} as contact_group,

    versions.is_after_as_of,

    versions.sent_at,
    versions.opened_at,
    versions.clicked_at
from versions
