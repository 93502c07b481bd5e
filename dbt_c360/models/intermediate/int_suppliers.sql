with

suppliers as (
    select * from {{ ref('stg_suppliers') }}
),

terms as (
    select * from {{ ref('stg_product_suppliers') }}
),

lead_times as (
    select
        supplier_id,
        {{ exact_avg('lead_time_days') }} as avg_lead_time_days
    from terms
    group by supplier_id
)

select
    coalesce(suppliers.supplier_id, lead_times.supplier_id) as supplier_id,
    suppliers.supplier_name,
    suppliers.quality_rating,
    lead_times.avg_lead_time_days
from suppliers
full outer join lead_times
    on suppliers.supplier_id = lead_times.supplier_id
