{%- set touched = {'key': 'order_id', 'found': [
    changed('stg_transactions', 'transaction_id'),
    changed('stg_workbook_transactions', "'wb-' || transaction_id"),
    changed('int_order_line_totals', 'order_id'),
    naming_changed('customer_identities', 'order_id', by='customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='order_id',
    meta={'touched': touched},
) }}

with

orders as (
    select * from {{ ref('int_orders') }}
    {{ only_touched(touched) }}
),

identities as (
    select * from {{ ref('customer_identities') }}
),

line_totals as (
    select * from {{ ref('int_order_line_totals') }}
    {{ only_named('order_id', by='orders.order_id from orders') }}
)

select
    orders.order_id,

    orders.source_system,
    identities.customer_id,
    orders.store_id,
    orders.channel,
    orders.payment_method,
    orders.currency,
    orders.source_status,
    orders.order_status,

    orders.subtotal,
    orders.tax_amount,
    orders.discount_amount,
    orders.total_amount,
    orders.net_amount,
    coalesce(line_totals.lines, 0) as lines,
    cast(coalesce(line_totals.units, 0) as bigint) as units,
    cast(line_totals.lines_subtotal as decimal(18, 2)) as lines_subtotal,
    cast(line_totals.lines_amount as decimal(18, 2)) as lines_amount,

    orders.is_guest,
    orders.is_after_as_of,
    orders.is_counted,

    cast(orders.ordered_at as date) as order_date,
    orders.ordered_at
from orders
left join identities
    on
        orders.source_system = identities.source_system
        and orders.source_customer_id = identities.source_id
left join line_totals
    on orders.order_id = line_totals.order_id and orders.source_system = 'crm'
