with

orders as (
    select * from {{ ref('int_orders') }}
),

rates as (
    select * from {{ ref('stg_rates') }}
),

used as (
    select
        currency,
        count(*) as orders
    from orders
    where currency is not null
    group by currency
),

rated as (
    select
        currency,
        min(rate) = 1 and max(rate) = 1 as is_one
    from rates
    group by currency
),

-- the currency with a rate of 1, else the one without rates; the test currencies_can_be_added makes
-- sure that there is only one
candidates as (
    select
        coalesce(rated.currency, used.currency) as currency,
        coalesce(used.orders, 0) as orders,
        coalesce(rated.is_one, false) as is_one
    from used
    full outer join rated
        on used.currency = rated.currency
    where rated.is_one or rated.currency is null
),

ranked as (
    select
        currency,
        row_number() over (order by is_one desc, orders desc, currency asc) as place
    from candidates
)

select currency
from ranked
where place = 1
