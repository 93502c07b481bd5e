{%- set touched = {'key': 'session_id', 'found': [
    changed('stg_app_usage', 'usage_id'),
    changed('stg_web_interactions', "'wb-' || session_id"),
    naming_changed('customer_identities', 'session_id', by='customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='session_id',
    meta={'touched': touched},
) }}

with

sessions as (
    select * from {{ ref('int_sessions') }}
    {{ only_touched(touched) }}
),

identities as (
    select * from {{ ref('customer_identities') }}
)

select
    sessions.session_id,

    sessions.source_system,
    identities.customer_id,
    sessions.touchpoint,
    sessions.device,

    sessions.page_views,
    sessions.actions,
    sessions.minutes,

    sessions.is_after_as_of,

    sessions.session_date,
    sessions.started_at
from sessions
left join identities
    on
        sessions.source_system = identities.source_system
        and sessions.source_customer_id = identities.source_id
