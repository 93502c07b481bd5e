-- An order before its currency's first rate has no amount. Warn: add an earlier rate.
{{ config(severity='warn') }}

select
    currency,
    count(*) as orders,
    sum(total_amount) as amount_in_currency,
    min(cast(transaction_at as date)) as first_order_date
from {{ ref('stg_transactions') }}
where rate_to_reporting is null and transaction_at is not null
group by currency
