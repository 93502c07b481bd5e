{%- set touched = {'key': 'customer_id', 'found': [
    changed('fct_orders', 'customer_id'),
    changed('fct_order_lines', 'customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['customer_id', 'channel'],
    meta={'touched': touched},
) }}

with

orders as (
    select * from {{ ref('fct_orders') }}
    {{ only_touched(touched, table=ref('fct_orders')) }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
    {{ only_touched(touched, table=ref('fct_order_lines')) }}
),

moved as (
    select
        order_id,
        product_id,
        {{ units_out() }} as units_out,
        {{ units_back() }} as units_back
    from lines
    where {{ has_moved() }}
    group by order_id, product_id
),

units as (
    select
        order_id,
        sum(units_out) as units_out,
        sum(units_back) as units_back
    from moved
    group by order_id
)

select
    orders.customer_id,
    coalesce(orders.channel, 'unknown') as channel,
    {{ count_if('orders.is_counted') }} as orders,
    {{ count_if('orders.is_counted and orders.net_amount > 0') }} as purchases,
    {{ count_if('orders.is_counted and orders.lines > 0') }} as orders_with_lines,
    cast(sum(case when orders.is_counted and orders.lines > 0 then orders.units end) as bigint)
        as units,
    cast(sum(case when orders.is_counted then orders.net_amount end) as decimal(18, 2))
        as net_amount,
    cast(sum(case when orders.is_counted then orders.total_amount end) as decimal(18, 2))
        as total_amount,
    cast(sum(units.units_out) as bigint) as units_out,
    cast(sum(units.units_back) as bigint) as units_back
from orders
left join units
    on orders.order_id = units.order_id and orders.source_system = 'crm'
where orders.customer_id is not null and not orders.is_after_as_of
group by orders.customer_id, coalesce(orders.channel, 'unknown')
