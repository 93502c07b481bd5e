{%- set touched = {'key': 'line_id', 'found': [
    changed('stg_transaction_items', 'item_id'),
    naming_changed('stg_transactions', 'line_id', by='order_id', column='transaction_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='line_id',
    meta={'touched': touched},
) }}

with

items as (
    select * from {{ ref('stg_transaction_items') }}
    {{ only_touched(touched, 'item_id', table=ref('stg_transaction_items')) }}
),

orders as (
    select * from {{ ref('stg_transactions') }}
    {{ only_named('transaction_id', by='items.transaction_id from items') }}
),

-- a line of an order before its currency's first rate has no amounts; the amounts of a line without
-- an order stay as written
lines as (
    select
        items.*,
        orders.customer_id,
        orders.order_status,
        orders.is_after_as_of,
        orders.transaction_at,
        case
            when orders.transaction_id is null then 1
            else orders.rate_to_reporting
        end as rate
    from items
    left join orders
        on items.transaction_id = orders.transaction_id
)

select
    item_id as line_id,
    transaction_id as order_id,
    customer_id,
    product_id,

    -- a line without an order has no date and no customer, and is in no sum
    coalesce(order_status, 'no_order') as order_status,

    quantity,
    {{ converted('unit_price', 'rate') }} as unit_price,
    {{ converted('line_total', 'rate') }} as line_total,
    {{ converted('discount_applied', 'rate') }} as discount_applied,
    {{ converted('line_total', 'rate') }}
    - coalesce({{ converted('discount_applied', 'rate') }}, 0) as total_price,

    {{ is_counted('transaction_at') }} as is_counted,
    coalesce(is_after_as_of, false) as is_after_as_of,
    has_rounded_amounts,

    cast(transaction_at as date) as order_date
from lines
