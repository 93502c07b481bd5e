with

catalogue as (
    select * from {{ ref('stg_products') }}
),

families as (
    select * from {{ ref('stg_product_families') }}
),

sales as (
    select * from {{ ref('stg_sales') }}
),

sold as (
    select distinct product_id
    from sales
    where product_id is not null
)

-- a product that was sold stays, even if it is no longer in the catalogue
select
    coalesce(catalogue.product_id, sold.product_id) as product_id,

    catalogue.product_name,
    catalogue.category,
    catalogue.subcategory,
    families.product_family,
    catalogue.brand,
    catalogue.status,

    catalogue.price,
    catalogue.cost,

    catalogue.product_id is null as is_inferred,

    catalogue.created_date
from catalogue
full outer join sold
    on catalogue.product_id = sold.product_id
left join families
    on catalogue.subcategory = families.subcategory
