with

versions as (
    {{ latest_versions('product_suppliers', ['product_id', 'supplier_id']) }}
)

select
    {{ clean_text('versions.product_id') }} as product_id,
    {{ clean_text('versions.supplier_id') }} as supplier_id,

    {{ money('versions.cost_price') }} as cost_price,
    versions.lead_time_days,

    versions.is_primary
from versions
