{{ config(materialized='view') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'product_families') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'product_families'), ['subcategory']) }}
)

select
    {{ clean_text('versions.subcategory') }} as subcategory,

    {{ clean_text('versions.product_family') }} as product_family
from versions
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
