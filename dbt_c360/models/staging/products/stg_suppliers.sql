{{ config(materialized='view') }}

with

versions as (
    {{ latest_versions('suppliers', ['supplier_id']) }}
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
