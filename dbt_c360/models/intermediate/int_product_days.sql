{%- set touched = {'key': 'order_date', 'found': [
    changed('fct_order_lines', 'order_date'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['product_id', 'order_date'],
    meta={'touched': touched},
) }}

with

lines as (
    select * from {{ ref('fct_order_lines') }}
    {{ only_touched(touched) }}
),

per_order as (
    select
        product_id,
        order_date,
        order_id,
        max(case when is_counted then 1 else 0 end) as is_counted,
        sum(case when is_counted then quantity end) as units,
        sum(case when is_counted then total_price end) as revenue,
        sum(case when is_counted then margin end) as margin,
        {{ units_out() }} as units_out,
        {{ units_back() }} as units_back
    from lines
    where product_id is not null and order_date is not null
    group by product_id, order_date, order_id
)

select
    product_id,
    order_date,
    cast(coalesce(sum(units), 0) as bigint) as units,
    cast(sum(is_counted) as bigint) as orders,
    {{ money_sum('revenue') }} as revenue,
    cast(sum(margin) as decimal(18, 2)) as margin,
    cast(coalesce(sum(units_out), 0) as bigint) as units_out,
    cast(coalesce(sum(units_back), 0) as bigint) as units_back
from per_order
group by product_id, order_date
