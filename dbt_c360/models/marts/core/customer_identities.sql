{{ config(
    materialized='incremental',
    incremental_strategy='whole',
    unique_key=['source_system', 'source_id'],
) }}

with

records as (
    select * from {{ ref('int_customer_records') }}
),

resolved as (
    select * from {{ source('identity', 'identities') }}
)

-- a record that was not compared yet counts as a person of its own
select
    records.source_system,
    records.source_id,
    coalesce(
        resolved.customer_id,
        case
            when records.source_system = 'crm' then records.source_id
            when records.source_system = 'workbooks' then 'wb-' || records.source_id
            else records.source_system || '-' || records.source_id
        end
    ) as customer_id,
    case
        when records.is_inferred then 'known from events'
        else coalesce(resolved.match_rule, 'own record')
    end as match_rule,
    resolved.match_probability
from records
left join resolved
    on
        records.source_system = resolved.source_system
        and records.source_id = resolved.source_id
