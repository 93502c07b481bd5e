with

versions as (
    select * from {{ ref('stg_product_versions') }}
),

told as (
    select
        product_id,
        known_from as valid_from,
        product_name,
        category,
        subcategory,
        brand,
        status,
        price,
        cost,
        {{ said([
            'product_name', 'category', 'subcategory', 'brand', 'status', 'price', 'cost',
        ]) }} as said
    from versions
),

compared as (
    select
        *,
        lag(said) over (partition by product_id order by valid_from) as said_before
    from told
)

select
    product_id,
    valid_from,
    product_name,
    category,
    subcategory,
    brand,
    status,
    price,
    cost
from compared
where said_before is null or said_before <> said
