{{ config(materialized='view') }}

with

orders as (
    select * from {{ source('bronze', 'transactions') }}
),

rates as (
    select * from {{ ref('stg_rates') }}
),

days as (
    select distinct
        {{ clean_upper('currency') }} as currency,
        -- an order without a day gets a rate only if there is one since the history's start
        coalesce(cast(transaction_date as date), cast('{{ var("history_start") }}' as date))
            as order_date
    from orders
),

-- a day whose rate is empty, such as a holiday in a bank's table, has that of the day before
latest_rate_days as (
    select
        days.currency,
        days.order_date,
        max(
            case
                when rates.rate_date <= days.order_date and rates.rate is not null
                    then rates.rate_date
            end
        ) as rate_date
    from days
    inner join rates
        on days.currency = rates.currency
    group by days.currency, days.order_date
)

select
    latest_rate_days.currency,
    latest_rate_days.order_date,
    rates.rate
from latest_rate_days
left join rates
    on latest_rate_days.currency = rates.currency and latest_rate_days.rate_date = rates.rate_date
