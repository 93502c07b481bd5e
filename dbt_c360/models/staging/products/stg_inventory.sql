with

versions as (
    {{ latest_versions('inventory', ['inventory_id'], day='last_updated') }}
)

select
    {{ clean_text('versions.inventory_id') }} as inventory_id,
    {{ clean_text('versions.product_id') }} as product_id,
    {{ clean_text('versions.location_id') }} as location_id,

    versions.stock_quantity,
    versions.reserved_quantity,
    versions.reorder_point,
    versions.max_stock_level,

    versions.is_after_as_of,

    versions.last_updated as last_updated_at
from versions
