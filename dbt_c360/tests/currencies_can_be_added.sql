-- Amounts in several currencies cannot be added without rates. Error: the sums would mean nothing.
-- One currency needs no rates, the reporting one, unless the rates name it by a rate of 1.
{{ config(meta={'dagster': {'ref': {'name': 'stg_transactions'}}}) }}

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

reporting as (
    select count(*) as currencies
    from (
        select currency
        from rates
        group by currency
        having min(rate) = 1 and max(rate) = 1
    ) as named
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
cross join reporting
where counted.currencies > 1 or reporting.currencies > 0
