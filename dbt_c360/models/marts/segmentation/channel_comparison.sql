with

segments as (
    select * from {{ ref('int_customer_segments') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
),

-- units that came back: on lines that take something back, and on orders that were refunded whole
units as (
    select
        order_id,
        sum(case when quantity > 0 then quantity else 0 end) as units_out,
        sum(
            case
                when quantity < 0 then -quantity
                when order_status = 'refunded' then quantity
                else 0
            end
        ) as units_back
    from lines
    where order_status in ('completed', 'refunded') and not is_after_as_of
    group by order_id
),

placed as (
    select
        segments.cluster_id,
        coalesce(orders.channel, 'unknown') as channel,
        orders.customer_id,
        orders.is_counted,
        orders.net_amount,
        orders.total_amount,
        units.units_out,
        units.units_back
    from orders
    inner join segments
        on orders.customer_id = segments.customer_id
    left join units
        on orders.order_id = units.order_id and orders.source_system = 'crm'
    where segments.cluster_id is not null and not orders.is_after_as_of
)

select
    cluster_id,
    channel,
    count(distinct case when is_counted then customer_id end) as customers,
    {{ count_if('is_counted') }} as orders,
    {{ money_sum('case when is_counted then net_amount end') }} as revenue,
    {{ money_ratio('sum(case when is_counted then total_amount end)', count_if('is_counted')) }}
        as avg_order_value,
    {{ ratio('sum(units_back)', 'sum(units_out)') }} as return_rate
from placed
group by cluster_id, channel
