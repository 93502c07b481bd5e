with

deliverers as (
    select * from {{ ref('stg_product_suppliers') }}
),

suppliers as (
    select * from {{ ref('stg_suppliers') }}
),

ranked as (
    select
        product_id,
        supplier_id,
        cost_price,
        lead_time_days,
        row_number() over (partition by product_id order by supplier_id) as supplier_rank
    from deliverers
    where is_primary
)

select
    ranked.product_id,
    ranked.supplier_id,
    suppliers.supplier_name,
    ranked.cost_price,
    ranked.lead_time_days,
    suppliers.quality_rating
from ranked
left join suppliers
    on ranked.supplier_id = suppliers.supplier_id
where ranked.supplier_rank = 1
