with

clock as (
    select * from {{ ref('int_data_clock') }}
),

calling_codes as (
    select * from {{ ref('calling_codes') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'customer_master'), ['customer_id']) }}
),

versions as (
    select
        *,
        {{ clean_name('name') }} as full_name,
        {{ clean_text('phone') }} as phone_text,
        {{ dialled_digits('phone') }} as phone_digits
    from {{ source('bronze', 'customer_master') }}
),

latest as (
    select
        versions.*,
        {{ is_after('versions.signup_date') }} as is_after_as_of
    from versions
    cross join clock
    left join superseded
        on versions._file = superseded._file and versions._row = superseded._row
    where superseded._row is null and {{ is_known('versions') }}
),

-- the workbook says no country: a number without one is of the retailer's own
dialled as (
    select
        latest.*,
        calling_codes.calling_code,
        calling_codes.min_digits,
        calling_codes.max_digits,
        {{ clean_text(dbt.split_part('latest.full_name', "' '", 1)) }} as first_word,
        {{ full_phone('latest.phone_text', 'latest.phone_digits', 'calling_codes') }} as full_phone
    from latest
    left join calling_codes
        on calling_codes.country = lower('{{ var("default_country") }}')
)

select
    {{ clean_text('customer_id') }} as customer_id,

    full_name,
    -- `Doe, Jane` as well as `Jane Doe`
    case
        when full_name like '%,%' then {{ clean_text(dbt.split_part('full_name', "','", 2)) }}
        else first_word
    end as first_name,
    case
        when full_name like '%,%' then {{ clean_text(dbt.split_part('full_name', "','", 1)) }}
        when full_name like '% %'
            then {{ clean_text("substr(full_name, length(first_word) + 1)") }}
    end as last_name,
    {{ clean_lower('email') }} as email,
    full_phone as phone,
    {{ clean_text('location') }} as location,

    {{ is_phone_valid('full_phone') }} as is_phone_valid,
    is_after_as_of,

    signup_date as registered_at
from dialled
