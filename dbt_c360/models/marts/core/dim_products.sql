{{ config(materialized='incremental', incremental_strategy='whole', unique_key='product_id') }}

with

products as (
    select * from {{ ref('int_products') }}
),

primary_suppliers as (
    select * from {{ ref('int_primary_suppliers') }}
)

select
    products.product_id,

    products.product_name,
    products.category,
    products.subcategory,
    products.product_family,
    products.brand,
    products.status,
    primary_suppliers.supplier_id as primary_supplier_id,
    primary_suppliers.supplier_name as primary_supplier_name,

    products.price,
    coalesce(products.cost, primary_suppliers.cost_price) as unit_cost,
    primary_suppliers.quality_rating as supplier_quality_rating,
    primary_suppliers.lead_time_days as supplier_lead_time_days,

    products.is_inferred,

    products.created_date
from products
left join primary_suppliers
    on products.product_id = primary_suppliers.product_id
