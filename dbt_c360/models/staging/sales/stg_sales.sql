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

-- an order before its currency's first rate has no amount; a line without its order is as written
lines as (
    select
        items.*,
        case
            when orders.transaction_id is null then 1
            else orders.rate_to_reporting
        end as rate
    from items
    left join orders
        on items.transaction_id = orders.transaction_id
)

select
    lines.item_id as line_id,
    lines.transaction_id as order_id,
    orders.customer_id,
    lines.product_id,

    -- a line whose order is nowhere has no date and no customer, and is in no sum
    coalesce(orders.order_status, 'no_order') as order_status,

    lines.quantity,
    {{ converted('lines.unit_price', 'lines.rate') }} as unit_price,
    {{ converted('lines.line_total', 'lines.rate') }} as line_total,
    {{ converted('lines.discount_applied', 'lines.rate') }}
        as discount_applied,
    {{ converted('lines.line_total', 'lines.rate') }}
    - coalesce({{ converted('lines.discount_applied', 'lines.rate') }}, 0) as total_price,

    coalesce(
        orders.order_status = 'completed'
        and not orders.is_after_as_of
        and orders.transaction_at is not null,
        false
    ) as is_counted,
    coalesce(orders.is_after_as_of, false) as is_after_as_of,
    lines.has_rounded_amounts,

    cast(orders.transaction_at as date) as order_date
from lines
left join orders
    on lines.transaction_id = orders.transaction_id
