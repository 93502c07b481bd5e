-- The lines of orders come in other files than the orders. Warn: if most orders of a month have no
-- lines, but those of another month do, a file of lines is missing or uses the ids of another file
-- again. Everything that is computed from lines, such as sales by month and product, is too low.
-- Each row names a month.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_orders'}}}) }}

with

orders as (
    select * from {{ ref('fct_orders') }}
),

months as (
    select
        {{ month_start('order_date') }} as order_month,
        count(*) as orders,
        {{ count_if('lines = 0') }} as orders_without_lines,
        {{ ratio(count_if('lines = 0'), 'count(*)') }} as share_without_lines
    from orders
    where source_system = 'crm' and is_counted
    group by {{ month_start('order_date') }}
    having count(*) >= 20
),

best as (
    select min(share_without_lines) as share_without_lines
    from months
)

select
    months.order_month,
    months.orders,
    months.orders_without_lines
from months
cross join best
where months.share_without_lines > best.share_without_lines + 0.5
