{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='campaign_id') }}

with

versions as (
    {{ latest_versions('campaigns', ['campaign_id']) }}
)

select
    {{ clean_text('versions.campaign_id') }} as campaign_id,

    {{ clean_text('versions.campaign_name') }} as campaign_name,
    {{ clean_lower('versions.channel') }} as channel,

    {{ money('versions.budget') }} as budget,

    versions.start_date,
    versions.end_date
from versions
