with

orders as (
    select * from {{ ref('fct_orders') }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
),

prices as (
    select * from {{ ref('dim_products_history') }}
),

differences as (
    select
        'order subtotal vs its lines' as check_name,
        subtotal - lines_subtotal as difference
    from orders
    where source_system = 'crm' and lines > 0
    union all
    select
        'order discount vs its lines' as check_name,
        coalesce(discount_amount, 0) - (lines_subtotal - lines_amount) as difference
    from orders
    where source_system = 'crm' and lines > 0
    union all
    select
        'order total vs its parts' as check_name,
        total_amount
        - (subtotal + coalesce(tax_amount, 0) - coalesce(discount_amount, 0)) as difference
    from orders
    where source_system = 'crm'
    union all
    select
        'line total vs quantity x price' as check_name,
        line_total - quantity * unit_price as difference
    from lines
    union all
    select
        'line price vs catalogue' as check_name,
        lines.unit_price - prices.price as difference
    from lines
    inner join prices
        on
            lines.product_id = prices.product_id
            and lines.order_date >= prices.valid_from
            and (prices.valid_to is null or lines.order_date < prices.valid_to)
)

select
    check_name,
    count(difference) as compared,
    {{ count_if('difference <> 0') }} as differing,
    cast(max(abs(difference)) as decimal(18, 2)) as largest_difference
from differences
group by check_name
