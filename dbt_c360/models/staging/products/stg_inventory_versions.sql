{{ config(materialized='view') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'inventory') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'inventory'), ['inventory_id', '_known_at']) }}
)

select
    {{ clean_text('versions.inventory_id') }} as inventory_id,

    {{ clean_text('versions.product_id') }} as product_id,
    {{ clean_text('versions.location_id') }} as location_id,

    versions.stock_quantity,

    {{ is_after('versions.last_updated') }} as is_after_as_of,

    versions.last_updated as last_updated_at,

    coalesce(versions._known_at, cast('{{ var("history_start") }}' as date)) as known_from
from versions
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
