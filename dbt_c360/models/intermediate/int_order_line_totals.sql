with

sales as (
    select * from {{ ref('stg_sales') }}
)

select
    order_id,
    count(*) as lines,
    sum(quantity) as units,
    sum(line_total) as lines_subtotal,
    sum(total_price) as lines_amount
from sales
group by order_id
