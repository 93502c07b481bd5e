{{ config(materialized='view') }}

with

versions as (
    {{ latest_versions('product_families', ['subcategory']) }}
)

select
    {{ clean_text('versions.subcategory') }} as subcategory,

    {{ clean_text('versions.product_family') }} as product_family
from versions
