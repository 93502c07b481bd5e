{%- set touched = {'key': 'customer_id', 'found': [
    changed('fct_orders', 'customer_id'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

orders as (
    select * from {{ ref('fct_orders') }}
    {{ only_touched(touched) }}
),

visits as (
    select
        customer_id,
        store_id,
        count(*) as orders,
        max(ordered_at) as last_ordered_at
    from orders
    where
        is_counted
        and customer_id is not null
        and store_id is not null
        and coalesce(channel, 'store') not in {{ online_channels() }}
    group by customer_id, store_id
),

ranked as (
    select
        customer_id,
        store_id,
        row_number() over (
            partition by customer_id
            order by orders desc, last_ordered_at desc, store_id asc
        ) as store_rank
    from visits
)

select
    customer_id,
    store_id
from ranked
where store_rank = 1
