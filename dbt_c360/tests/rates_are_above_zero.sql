-- At a rate of zero, orders are worth nothing. Warn: correct it where the rates are kept; some
-- programs write 0 for a day without a rate.
{{ config(severity='warn') }}

select
    currency,
    count(*) as rates,
    min(rate_date) as first_rate_date
from {{ ref('stg_rates') }}
where rate <= 0
group by currency
