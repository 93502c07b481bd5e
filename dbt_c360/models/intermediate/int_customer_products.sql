with

lines as (
    select * from {{ ref('fct_order_lines') }}
),

products as (
    select * from {{ ref('dim_products') }}
)

select
    lines.customer_id,
    lines.product_id,
    products.category,
    min(lines.order_date) as first_bought_date
from lines
inner join products
    on lines.product_id = products.product_id
where lines.is_counted and lines.quantity > 0 and lines.customer_id is not null
group by lines.customer_id, lines.product_id, products.category
