-- Amounts in several currencies cannot be added without rates. Error: the sums would mean nothing.
with

orders as (
    select * from {{ ref('stg_transactions') }}
),

rates as (
    select * from {{ ref('stg_rates') }}
),

unrated as (
    select
        orders.currency,
        count(*) as orders,
        sum(orders.total_amount) as amount
    from orders
    where
        orders.currency is not null
        and orders.currency not in (select rates.currency from rates)
    group by orders.currency
),

counted as (
    select count(*) as currencies from unrated
)

select
    unrated.currency,
    unrated.orders,
    unrated.amount
from unrated
cross join counted
where counted.currencies > 1
