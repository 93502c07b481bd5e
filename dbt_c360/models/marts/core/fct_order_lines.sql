with

lines as (
    select * from {{ ref('int_order_lines') }}
)

select
    line_id,

    order_id,
    customer_id,
    product_id,
    store_id,
    channel,
    order_status,

    quantity,
    unit_price,
    line_total,
    discount_applied,
    cast(total_price as decimal(18, 2)) as total_price,
    unit_cost,
    margin,

    is_after_as_of,
    is_counted,

    order_date
from lines
