{%- set fields = [
    'first_name', 'last_name', 'email', 'phone', 'address_line1', 'city', 'state', 'zip_code',
    'country', 'gender', 'customer_segment', 'preferred_channel', 'date_of_birth',
] %}

{%- set touched = {'key': 'customer_id', 'found': [
    changed('customer_identities', 'customer_id'),
    naming_changed(
        'int_customer_records', 'customer_id', by='(source_system, source_id)',
        column='source_system, source_id', table='gold.customer_identities'
    ),
    differing_rows('identity.golden_records', 'customer_id, ' ~ fields | join(', ')),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

records as (
    select * from {{ ref('int_customer_records') }}
),

identities as (
    select * from {{ ref('customer_identities') }}
    {{ only_touched(touched) }}
),

golden as (
    select * from {{ source('identity', 'golden_records') }}
),

identified as (
    select
        identities.customer_id,
        records.*
    from records
    inner join identities
        on
            records.source_system = identities.source_system
            and records.source_id = identities.source_id
),

people as (
    select
        customer_id,
        {{ sorted_list('source_system') }} as source_systems,
        count(*) as source_records,
        min(registered_at) as registered_at,
        min(case when is_inferred then 1 else 0 end) = 1 as is_inferred,
        max(case when is_after_as_of then 1 else 0 end) = 1
        and min(case when is_after_as_of or registered_at is null then 1 else 0 end) = 1
            as is_after_as_of
    from identified
    group by customer_id
),

-- the record that gave the customer their id comes first, even before an earlier registration that
-- was found later
ranked as (
    select
        identified.*,
        row_number() over (
            partition by identified.customer_id
            order by
                case when identified.source_system = 'crm' then 0 else 1 end,
                identified.is_inferred,
                case when identified.source_id = identified.customer_id then 0 else 1 end,
                case when identified.registered_at is null then 1 else 0 end,
                identified.registered_at,
                identified.source_system,
                identified.source_id
        ) as anchor_rank
    from identified
),

-- a phone is valid if any record of the customer with this phone says so
phones as (
    select
        customer_id,
        phone,
        max(case when is_phone_valid then 1 else 0 end) = 1 as is_phone_valid
    from identified
    where phone is not null
    group by customer_id, phone
),

-- the surviving values; a record that was not compared yet keeps its own
surviving as (
    select
        ranked.source_system,
        ranked.source_id,
        {%- for field in fields %}
            case when golden.customer_id is null then ranked.{{ field }} else golden.{{ field }} end
                as {{ field }},
        {%- endfor %}
        ranked.customer_id
    from ranked
    left join golden
        on ranked.customer_id = golden.customer_id
    where ranked.anchor_rank = 1
)

select
    surviving.customer_id,
    surviving.source_system,
    surviving.source_id,

    surviving.first_name,
    surviving.last_name,
    surviving.email,
    surviving.phone,
    surviving.address_line1,
    surviving.city,
    surviving.state,
    surviving.zip_code,
    surviving.country,
    surviving.gender,
    surviving.customer_segment,
    surviving.preferred_channel,
    people.source_systems,

    people.source_records,

    phones.is_phone_valid,
    people.is_after_as_of,
    people.is_inferred,

    surviving.date_of_birth,
    people.registered_at
from surviving
inner join people
    on surviving.customer_id = people.customer_id
left join phones
    on surviving.customer_id = phones.customer_id and surviving.phone = phones.phone
