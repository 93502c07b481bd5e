with

locations as (
    select * from {{ ref('stg_warehouse_locations') }}
),

orders as (
    select * from {{ ref('stg_transactions') }}
),

selling as (
    select distinct store_id
    from orders
    where store_id is not null
)

select
    coalesce(locations.location_id, selling.store_id) as store_id,
    locations.location_name as store_name,
    locations.city as store_city,
    locations.state as store_state,
    locations.country as store_country,
    locations.location_id is null as is_inferred
from locations
full outer join selling
    on locations.location_id = selling.store_id
where locations.location_type = 'store' or selling.store_id is not null
