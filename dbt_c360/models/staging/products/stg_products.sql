with

versions as (
    {{ latest_versions('products', ['product_id']) }}
)

select
    {{ clean_text('versions.product_id') }} as product_id,

    {{ clean_text('versions.product_name') }} as product_name,
    {{ clean_text('versions.category') }} as category,
    {{ clean_text('versions.subcategory') }} as subcategory,
    {{ clean_text('versions.brand') }} as brand,
    {{ clean_text('versions.dimensions') }} as dimensions,
    {{ clean_text('versions.color') }} as color,
    {{ clean_text('versions.size') }} as size,
    {{ clean_lower('versions.status') }} as status,

    {{ money('versions.price') }} as price,
    {{ money('versions.cost') }} as cost,
    versions.weight_kg,

    versions.created_date
from versions
