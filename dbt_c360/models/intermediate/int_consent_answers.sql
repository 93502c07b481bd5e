{%- set touched = {'key': 'customer_id', 'found': [
    changed('customer_identities', 'customer_id'),
    of_changed_records('stg_consents'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['customer_id', 'purpose'],
    meta={'touched': touched},
) }}

with

consents as (
    select * from {{ ref('stg_consents') }}
),

identities as (
    select * from {{ ref('customer_identities') }}
    {{ only_touched(touched) }}
),

-- the last answer per purpose counts; if there are two in the same second, no is the safer one
ranked as (
    select
        identities.customer_id,
        consents.purpose,
        consents.is_granted,
        consents.updated_at,
        row_number() over (
            partition by identities.customer_id, consents.purpose
            order by
                case when consents.updated_at is null then 1 else 0 end,
                consents.updated_at desc,
                consents.is_granted asc,
                consents.customer_id asc
        ) as consent_rank
    from consents
    inner join identities
        on consents.customer_id = identities.source_id and identities.source_system = 'crm'
    where not consents.is_after_as_of
        and consents.is_granted is not null
        and consents.purpose is not null
)

select
    customer_id,
    purpose,
    is_granted,
    updated_at
from ranked
where consent_rank = 1
