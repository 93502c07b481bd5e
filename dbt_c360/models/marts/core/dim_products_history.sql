with

versions as (
    select * from {{ ref('int_product_versions') }}
)

select
    product_id,
    valid_from,
    lead(valid_from) over (partition by product_id order by valid_from) as valid_to,
    product_name,
    category,
    subcategory,
    brand,
    status,
    price,
    cost
from versions
