with

orders as (
    select * from {{ ref('stg_transactions') }}
),

lines as (
    select * from {{ ref('stg_sales') }}
)

select
    'order amounts with more than two decimals' as check_name,
    count(*) as compared,
    {{ count_if('has_rounded_amounts') }} as differing,
    cast(null as decimal(18, 2)) as largest_difference
from orders
union all
select
    'line amounts with more than two decimals' as check_name,
    count(*) as compared,
    {{ count_if('has_rounded_amounts') }} as differing,
    cast(null as decimal(18, 2)) as largest_difference
from lines
