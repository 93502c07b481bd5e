{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='customer_id') }}

with

calling_codes as (
    select * from {{ ref('calling_codes') }}
),

state_codes as (
    select * from {{ ref('state_codes') }}
),

places as (
    select distinct state_code from state_codes
),

versions as (
    {{ latest_versions('customer_master', ['customer_id'], day='signup_date') }}
),

cleaned as (
    select
        *,
        {{ clean_name(stated('name')) }} as full_name,
        {{ clean_text('phone') }} as phone_text,
        {{ dialled_digits('phone') }} as phone_digits
    from versions
),

untitled_once as (
    select
        *,
        {{ without_title('full_name') }} as short_name
    from cleaned
),

-- the second title is removed here: `Prof. Dr. Jane Doe` has two
untitled as (
    select
        *,
        {{ without_title('short_name') }} as plain_name
    from untitled_once
),

-- `City, State`, `City ST` or `City`
located as (
    select
        untitled.*,
        case
            when untitled.location like '%,%'
                then {{ clean_text(dbt.split_part('untitled.location', "','", 1)) }}
            when places.state_code is not null
                then trim(substr(trim(untitled.location), 1, length(trim(untitled.location)) - 3))
            else {{ stated('untitled.location') }}
        end as location_city,
        case
            when untitled.location like '%,%'
                then
                    coalesce(
                        state_codes.state_code,
                        {{ clean_upper(dbt.split_part('untitled.location', "','", 2)) }}
                    )
            else places.state_code
        end as location_state
    from untitled
    left join state_codes
        on lower(trim({{ dbt.split_part('untitled.location', "','", 2) }})) = state_codes.state_name
    left join places
        on
            substr(trim(untitled.location), length(trim(untitled.location)) - 2)
            = ' ' || places.state_code
),

-- the workbook has no country, so a number without a calling code is of the retailer's own country
dialled as (
    select
        located.*,
        calling_codes.calling_code,
        calling_codes.min_digits,
        calling_codes.max_digits,
        {{ clean_text(dbt.split_part('located.plain_name', "' '", 1)) }} as first_word,
        {{ full_phone('located.phone_text', 'located.phone_digits', 'calling_codes') }}
            as full_phone
    from located
    left join calling_codes
        on calling_codes.country = lower('{{ var("default_country") }}')
)

select
    {{ clean_text('customer_id') }} as customer_id,

    full_name,
    -- `Doe, Jane` as well as `Jane Doe`
    case
        when plain_name like '%,%'
            then {{ without_title(clean_text(dbt.split_part('plain_name', "','", 2))) }}
        else first_word
    end as first_name,
    case
        when plain_name like '%,%' then {{ clean_text(dbt.split_part('plain_name', "','", 1)) }}
        when plain_name like '% %'
            then {{ clean_text("substr(plain_name, length(first_word) + 1)") }}
    end as last_name,
    {{ clean_lower(stated('email')) }} as email,
    full_phone as phone,
    location_city as city,
    location_state as state,

    {{ is_phone_valid('full_phone') }} as is_phone_valid,
    is_after_as_of,

    signup_date as registered_at
from dialled
