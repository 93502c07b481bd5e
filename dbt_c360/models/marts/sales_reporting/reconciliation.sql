with

sales as (
    select * from {{ ref('int_reconciled_sales') }}
),

ledgers as (
    select * from {{ ref('int_reconciled_ledgers') }}
),

products as (
    select * from {{ ref('int_reconciled_products') }}
),

rounding as (
    select * from {{ ref('int_reconciled_rounding') }}
),

checks as (
    select
        check_name,
        compared,
        differing,
        largest_difference
    from sales
    union all
    select
        check_name,
        compared,
        differing,
        largest_difference
    from ledgers
    union all
    select
        check_name,
        compared,
        differing,
        largest_difference
    from products
    union all
    select
        check_name,
        compared,
        differing,
        largest_difference
    from rounding
)

select
    check_name,
    compared,
    differing,
    largest_difference
from checks
where compared > 0
