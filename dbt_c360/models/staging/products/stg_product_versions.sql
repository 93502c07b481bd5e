{{ config(materialized='view') }}

with

versions as (
    {{ latest_versions('products', ['product_id', '_known_at']) }}
)

select
    {{ clean_text('versions.product_id') }} as product_id,

    {{ clean_text('versions.product_name') }} as product_name,
    {{ clean_text('versions.category') }} as category,
    {{ clean_text('versions.subcategory') }} as subcategory,
    {{ clean_text('versions.brand') }} as brand,
    {{ clean_lower('versions.status') }} as status,

    {{ money('versions.price') }} as price,
    {{ money('versions.cost') }} as cost,

    coalesce(versions._known_at, cast('{{ var("history_start") }}' as date)) as known_from
from versions
