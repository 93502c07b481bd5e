{%- set touched = {'key': 'order_id', 'found': [
    changed('fct_orders', 'order_id'),
    changed('fct_shipments', 'order_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='order_id',
    meta={'touched': touched},
) }}

with

orders as (
    select * from {{ ref('fct_orders') }}
    {{ only_touched(touched, table=ref('fct_orders')) }}
),

shipments as (
    select * from {{ ref('fct_shipments') }}
    {{ only_touched(touched, table=ref('fct_shipments')) }}
),

ranked as (
    select
        order_id,
        origin_location_id,
        row_number() over (
            partition by order_id
            order by case when ship_date is null then 1 else 0 end, ship_date, shipment_id
        ) as shipment_rank
    from shipments
    where order_id is not null and not is_after_as_of
)

select
    orders.order_id,
    orders.customer_id,
    coalesce(orders.store_id, ranked.origin_location_id, 'unknown') as location_id,
    orders.ordered_at
from orders
left join ranked
    on orders.order_id = ranked.order_id and ranked.shipment_rank = 1
where orders.is_counted
