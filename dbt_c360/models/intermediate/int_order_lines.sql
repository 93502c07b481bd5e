with

sales as (
    select * from {{ ref('stg_sales') }}
)

select
    line_id,
    order_id,
    product_id,
    order_status,
    quantity,
    unit_price,
    line_total,
    discount_applied,
    total_price,
    is_after_as_of,
    is_counted,
    order_date
from sales
