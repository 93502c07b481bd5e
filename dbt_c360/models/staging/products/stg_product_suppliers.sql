with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'product_suppliers') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'product_suppliers'), ['product_id', 'supplier_id']) }}
)

select
    {{ clean_text('versions.product_id') }} as product_id,
    {{ clean_text('versions.supplier_id') }} as supplier_id,

    {{ money('versions.cost_price') }} as cost_price,
    versions.lead_time_days,

    versions.is_primary
from versions
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
