with

records as (
    select * from {{ ref('int_customer_records') }}
)

-- until records are matched, each is a person of its own
select
    source_system,
    source_id,
    case
        when source_system = 'crm' then source_id
        when source_system = 'workbooks' then 'wb-' || source_id
        else source_system || '-' || source_id
    end as customer_id,
    case when is_inferred then 'known from events' else 'own record' end as match_rule,
    cast(null as double) as match_probability
from records
