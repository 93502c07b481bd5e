{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='customer_id') }}

with

calling_codes as (
    select * from {{ ref('calling_codes') }}
),

state_codes as (
    select * from {{ ref('state_codes') }}
),

versions as (
    {{ latest_versions('customers', ['customer_id'], day='registration_date') }}
),

cleaned as (
    select
        *,
        {{ clean_text(without_apostrophe('phone')) }} as phone_text,
        {{ dialled_digits('phone') }} as phone_digits
    from versions
),

dialled as (
    select
        cleaned.*,
        calling_codes.country_code,
        calling_codes.calling_code,
        calling_codes.min_digits,
        calling_codes.max_digits,
        state_codes.state_code,
        {{ full_phone('cleaned.phone_text', 'cleaned.phone_digits', 'calling_codes') }}
            as full_phone
    from cleaned
    left join calling_codes
        on coalesce(
                {{ clean_lower(stated('cleaned.country')) }}, lower('{{ var("default_country") }}')
            ) = calling_codes.country
    left join state_codes
        on lower(trim(cleaned.state)) = state_codes.state_name
)

select
    {{ clean_text('customer_id') }} as customer_id,

    {{ clean_name(stated('first_name')) }} as first_name,
    {{ clean_name(stated('last_name')) }} as last_name,
    {{ clean_lower(stated('email')) }} as email,
    full_phone as phone,
    case
        when lower(trim(gender)) in ('m', 'male', 'man') then 'M'
        when lower(trim(gender)) in ('f', 'female', 'woman') then 'F'
        when lower(trim(gender)) in ('o', 'other', 'x', 'non-binary', 'diverse') then 'O'
    end as gender,
    {{ title_case(stated('customer_segment')) }} as customer_segment,
    {{ clean_lower(stated('preferred_channel')) }} as preferred_channel,
    {{ stated('address_line1') }} as address_line1,
    {{ stated('city') }} as city,
    coalesce(state_code, {{ clean_upper(stated('state')) }}) as state,
    {{ stated(without_apostrophe('zip_code')) }} as zip_code,
    {{ stated('country') }} as country,
    case when {{ stated('country') }} is not null then country_code end as country_code,

    {{ is_phone_valid('full_phone') }} as is_phone_valid,
    is_after_as_of,

    date_of_birth,
    registration_date as registered_at
from dialled
