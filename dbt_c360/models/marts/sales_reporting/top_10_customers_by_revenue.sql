with

customers as (
    select * from {{ ref('customer_lifetime_value') }}
),

ranked as (
    select
        customer_id,
        total_orders,
        total_revenue,
        row_number() over (order by total_revenue desc, customer_id asc) as revenue_rank
    from customers
)

select
    customer_id,
    total_orders,
    total_revenue
from ranked
where revenue_rank <= 10
order by revenue_rank
