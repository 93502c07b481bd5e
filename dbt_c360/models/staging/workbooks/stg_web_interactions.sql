{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='session_id') }}

with

versions as (
    {{ latest_versions('web_interactions', ['session_id'], day='interaction_date') }}
)

select
    {{ clean_text('versions.session_id') }} as session_id,
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.device') }} as device,

    versions.page_views,
    versions.session_duration as session_duration_seconds,

    versions.is_after_as_of,

    versions.interaction_date as interaction_at
from versions
