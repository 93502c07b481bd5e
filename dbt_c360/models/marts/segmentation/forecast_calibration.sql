with

tenths as (
    select * from {{ source('science', 'calibration') }}
)

select
    against,
    tenth,
    customers,
    round(expected, 6) as expected,
    round(actual, 6) as actual
from tenths
