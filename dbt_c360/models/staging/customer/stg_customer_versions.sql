{{ config(
    materialized='incremental',
    incremental_strategy='by_key',
    unique_key=['customer_id', 'known_from'],
) }}

with

versions as (
    {{ latest_versions('customers', ['customer_id', '_known_at']) }}
),

state_codes as (
    select * from {{ ref('state_codes') }}
)

select
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ stated('versions.address_line1') }} as address_line1,
    {{ stated('versions.city') }} as city,
    coalesce(state_codes.state_code, {{ clean_upper(stated('versions.state')) }}) as state,
    {{ stated(without_apostrophe('versions.zip_code')) }} as zip_code,
    {{ stated('versions.country') }} as country,
    {{ title_case(stated('versions.customer_segment')) }} as customer_segment,

    coalesce(versions._known_at, cast('{{ var("history_start") }}' as date)) as known_from
from versions
left join state_codes
    on lower(trim(versions.state)) = state_codes.state_name
