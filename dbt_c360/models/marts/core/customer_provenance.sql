with

provenance as (
    select * from {{ source('identity', 'provenance') }}
)

select
    customer_id,
    field,
    value,
    source_system,
    source_id,
    rule,
    losing_values
from provenance
