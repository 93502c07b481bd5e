{{ config(
    materialized='incremental',
    incremental_strategy='by_key',
    unique_key=['customer_id', 'known_from'],
) }}

with

versions as (
    {{ latest_versions('loyalty_program', ['customer_id', '_known_at']) }}
)

select
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ title_case(clean_text('versions.loyalty_tier')) }} as loyalty_tier,

    coalesce(versions._known_at, cast('{{ var("history_start") }}' as date)) as known_from
from versions
