with

clock as (
    select * from {{ ref('int_data_clock') }}
),

orders as (
    select * from {{ ref('int_customer_orders') }}
),

measured as (
    select
        orders.customer_id,
        orders.total_orders > 0 as has_ordered,
        case
            when orders.total_orders > 0
                then {{ days_between('cast(orders.last_ordered_at as date)', 'clock.as_of_date') }}
        end as recency_days,
        orders.total_orders as frequency,
        orders.net_spent as monetary,
        orders.purchases
    from orders
    cross join clock
)

-- equal customers share the middle of their places, so that their scores are equal whatever the
-- order of rows; a position is twice that place less one: from 1 to 2 x customers - 1
select
    customer_id,
    recency_days,
    frequency,
    monetary,
    purchases,
    case when has_ordered then count(*) over (partition by has_ordered) end as customers,
    {{ shared_position('recency_days', 'desc') }} as recency_position,
    {{ shared_position('frequency', 'asc') }} as frequency_position,
    {{ shared_position('monetary', 'asc') }} as monetary_position
from measured
