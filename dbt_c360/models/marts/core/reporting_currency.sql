with

reporting as (
    select * from {{ ref('int_reporting_currency') }}
)

select currency
from reporting
