with

stores as (
    select * from {{ ref('int_stores') }}
)

select
    store_id,
    store_name,
    store_city,
    store_state,
    store_country,
    is_inferred
from stores
