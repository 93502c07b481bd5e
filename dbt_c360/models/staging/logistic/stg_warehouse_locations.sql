with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'warehouse_locations') }}
),

state_codes as (
    select * from {{ ref('state_codes') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'warehouse_locations'), ['location_id']) }}
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
cross join clock
left join state_codes
    on lower(trim(versions.state)) = state_codes.state_name
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
