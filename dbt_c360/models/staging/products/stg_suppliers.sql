{{ config(materialized='view') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'suppliers') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'suppliers'), ['supplier_id']) }}
)

select
    {{ clean_text('versions.supplier_id') }} as supplier_id,

    {{ clean_text('versions.supplier_name') }} as supplier_name,
    {{ clean_text('versions.contact_person') }} as contact_person,
    {{ clean_lower('versions.email') }} as email,
    {{ clean_text('versions.phone') }} as phone,
    {{ clean_text('versions.address') }} as address,
    {{ clean_text('versions.country') }} as country,
    {{ clean_text('versions.payment_terms') }} as payment_terms,

    versions.quality_rating
from versions
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
