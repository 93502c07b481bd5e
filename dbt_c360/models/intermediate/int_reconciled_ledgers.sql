with

regional_days as (
    select * from {{ ref('int_regional_days') }}
),

memberships as (
    select * from {{ ref('stg_loyalty_program') }}
),

orders as (
    select * from {{ ref('int_orders') }}
),

spending as (
    select * from {{ ref('int_customer_orders') }}
),

revenue as (
    select * from {{ ref('customer_lifetime_value') }}
),

-- sums are per CRM record, because the CRM knows neither which of its records are the same person
-- nor what that person bought in the acquired shop
spent_by_record as (
    select
        source_customer_id,
        {{ money_sum('total_amount') }} as total_spent
    from orders
    where is_counted and source_system = 'crm'
    group by source_customer_id
),

differences as (
    select
        'regional ledger vs orders' as check_name,
        ledger_revenue - order_revenue as difference
    from regional_days
    union all
    select
        'CRM lifetime value vs total spent' as check_name,
        memberships.lifetime_value - coalesce(spent_by_record.total_spent, 0) as difference
    from memberships
    left join spent_by_record
        on memberships.customer_id = spent_by_record.source_customer_id
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
