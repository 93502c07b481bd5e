{{ config(
    materialized='incremental',
    incremental_strategy='by_key',
    unique_key=['customer_id', 'purpose'],
) }}

with

versions as (
    {{ latest_versions(
        'consents',
        ['customer_id', 'purpose'],
        day='updated_at',
        caseless=['purpose'],
        first=last_answer_first('versions', 'granted', 'updated_at'),
    ) }}
)

select
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ clean_lower('versions.purpose') }} as purpose,
    {{ clean_lower('versions.source') }} as source,

    versions.granted as is_granted,
    versions.is_after_as_of,

    versions.updated_at
from versions
