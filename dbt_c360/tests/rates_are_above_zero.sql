-- Orders at a rate of zero are worth nothing. Warn: it is mended where the rates are kept, which
-- write 0 for a day that has none.
{{ config(severity='warn') }}

select
    currency,
    count(*) as rates,
    min(rate_date) as first_rate_date
from {{ ref('stg_rates') }}
where rate <= 0
group by currency
