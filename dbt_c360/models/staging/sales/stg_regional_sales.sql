{{ config(materialized='view') }}

with

versions as (
    {{ latest_versions(
        'regional_sales', ['region_id', 'sales_date'], day='sales_date', caseless=['region_id']
    ) }}
)

select
    {{ clean_text('versions.region_id') }} as region_id,

    {{ clean_text('versions.region_name') }} as region_name,
    {{ clean_text('versions.country') }} as country,

    {{ money('versions.total_revenue') }} as total_revenue,
    versions.total_transactions,
    {{ money('versions.average_order_value') }} as average_order_value,

    versions.is_after_as_of,

    versions.sales_date
from versions
