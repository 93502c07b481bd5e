with

regional_days as (
    select * from {{ ref('int_regional_days') }}
),

memberships as (
    select * from {{ ref('int_customer_loyalty') }}
),

spending as (
    select * from {{ ref('int_customer_orders') }}
),

revenue as (
    select * from {{ ref('customer_lifetime_value') }}
),

differences as (
    select
        'regional ledger vs orders' as check_name,
        ledger_revenue - order_revenue as difference
    from regional_days
    union all
    -- the CRM knows nothing of what was spent in the acquired shop
    select
        'CRM lifetime value vs total spent' as check_name,
        memberships.lifetime_value - spending.spent_in_crm as difference
    from memberships
    inner join spending
        on memberships.customer_id = spending.customer_id
    union all
    select
        'total spent vs total revenue and its bridge' as check_name,
        spending.total_spent
        - coalesce(revenue.total_revenue, 0)
        - spending.beyond_revenue as difference
    from spending
    left join revenue
        on spending.customer_id = revenue.customer_id
)

select
    check_name,
    count(difference) as compared,
    {{ count_if('difference <> 0') }} as differing,
    cast(max(abs(difference)) as decimal(18, 2)) as largest_difference
from differences
group by check_name
