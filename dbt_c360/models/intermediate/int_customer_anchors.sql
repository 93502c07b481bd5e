{{ config(materialized='table') }}

with

records as (
    select * from {{ ref('int_customer_records') }}
),

identities as (
    select * from {{ ref('customer_identities') }}
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
        min(case when is_inferred then 1 else 0 end) = 1 as is_inferred
    from identified
    group by customer_id
),

ranked as (
    select
        identified.*,
        row_number() over (
            partition by identified.customer_id
            order by
                case when identified.source_system = 'crm' then 0 else 1 end,
                identified.is_inferred,
                case when identified.registered_at is null then 1 else 0 end,
                identified.registered_at,
                identified.source_system,
                identified.source_id
        ) as anchor_rank
    from identified
)

select
    ranked.customer_id,
    ranked.source_system,
    ranked.source_id,

    ranked.first_name,
    ranked.last_name,
    ranked.email,
    ranked.phone,
    ranked.address_line1,
    ranked.city,
    ranked.state,
    ranked.zip_code,
    ranked.country,
    ranked.gender,
    ranked.customer_segment,
    ranked.preferred_channel,
    people.source_systems,

    people.source_records,

    ranked.is_phone_valid,
    ranked.is_after_as_of,
    people.is_inferred,

    ranked.date_of_birth,
    ranked.registered_at
from ranked
inner join people
    on ranked.customer_id = people.customer_id
where ranked.anchor_rank = 1
