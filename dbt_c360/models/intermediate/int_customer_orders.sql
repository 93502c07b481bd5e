{%- set touched = {'key': 'customer_id', 'found': [
    changed('customer_identities', 'customer_id'),
    changed('fct_orders', 'customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

customers as (
    select * from {{ ref('dim_customers') }}
    {{ only_touched(touched) }}
),

orders as (
    select * from {{ ref('fct_orders') }}
    {{ only_touched(touched, table=ref('fct_orders')) }}
),

summed as (
    select
        customer_id,
        {{ count_if('is_counted') }} as total_orders,
        {{ count_if('is_counted and net_amount > 0') }} as purchases,
        {{ money_sum('case when is_counted then total_amount end') }} as total_spent,
        {{ money_sum('case when is_counted then net_amount end') }} as net_spent,
        cast(coalesce(sum(case when is_counted then units end), 0) as bigint) as total_items,
        min(case when is_counted then ordered_at end) as first_ordered_at,
        max(case when is_counted then ordered_at end) as last_ordered_at,
        -- amounts that are in total_spent, but not in total_revenue
        {{ money_sum(
            "case
                when is_counted and (source_system = 'workbooks' or lines = 0) then total_amount
                when is_counted then tax_amount
            end"
        ) }} as beyond_revenue,
        {{ count_if("order_status = 'refunded'") }} as orders_refunded,
        {{ money_sum("case when order_status = 'refunded' then total_amount end") }}
            as amount_refunded,
        {{ count_if("order_status = 'cancelled'") }} as orders_cancelled
    from orders
    where customer_id is not null and not is_after_as_of and ordered_at is not null
    group by customer_id
)

-- a customer without orders made no order and spent nothing, so these values are 0 and not null
select
    customers.customer_id,
    coalesce(summed.total_orders, 0) as total_orders,
    coalesce(summed.purchases, 0) as purchases,
    coalesce(summed.total_spent, 0) as total_spent,
    coalesce(summed.net_spent, 0) as net_spent,
    coalesce(summed.beyond_revenue, 0) as beyond_revenue,
    coalesce(summed.total_items, 0) as total_items,
    coalesce(summed.orders_refunded, 0) as orders_refunded,
    coalesce(summed.amount_refunded, 0) as amount_refunded,
    coalesce(summed.orders_cancelled, 0) as orders_cancelled,
    summed.first_ordered_at,
    summed.last_ordered_at
from customers
left join summed
    on customers.customer_id = summed.customer_id
