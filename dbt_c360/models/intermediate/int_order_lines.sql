with

sales as (
    select * from {{ ref('stg_sales') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

products as (
    select * from {{ ref('dim_products') }}
)

select
    sales.line_id,
    sales.order_id,
    orders.customer_id,
    sales.product_id,
    orders.store_id,
    orders.channel,
    sales.order_status,
    sales.quantity,
    sales.unit_price,
    sales.line_total,
    sales.discount_applied,
    sales.total_price,
    products.unit_cost,
    cast(sales.total_price - products.unit_cost * sales.quantity as decimal(18, 2)) as margin,
    sales.is_after_as_of,
    sales.is_counted,
    sales.order_date
from sales
left join orders
    on sales.order_id = orders.order_id
left join products
    on sales.product_id = products.product_id
