with

versions as (
    {{ latest_versions('warehouse_locations', ['location_id']) }}
),

state_codes as (
    select * from {{ ref('state_codes') }}
)

select
    {{ clean_text('versions.location_id') }} as location_id,

    {{ clean_text('versions.location_name') }} as location_name,
    {{ clean_lower('versions.location_type') }} as location_type,
    {{ clean_text('versions.address') }} as address,
    {{ clean_text('versions.city') }} as city,
    coalesce(state_codes.state_code, {{ clean_upper('versions.state') }}) as state,
    {{ clean_text('versions.country') }} as country,
    {{ clean_text('versions.manager_name') }} as manager_name,

    versions.capacity_cubic_meters
from versions
left join state_codes
    on lower(trim(versions.state)) = state_codes.state_name
