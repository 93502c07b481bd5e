-- An empty essential cell is missing from sums. Warn: the row is kept; only its owner can fill it.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_order_lines'}}}) }}

with

empty_cells as (
    select
        'order without a date' as gap,
        count(*) as rows_affected
    from {{ ref('fct_orders') }}
    where ordered_at is null
    union all
    select
        'order without a total' as gap,
        count(*) as rows_affected
    from {{ ref('fct_orders') }}
    where total_amount is null
    union all
    -- such an order is counted, but missing from net spend, segments and forecasts
    select
        'order without a subtotal or a total' as gap,
        count(*) as rows_affected
    from {{ ref('fct_orders') }}
    where net_amount is null
    union all
    select
        'line without a product' as gap,
        count(*) as rows_affected
    from {{ ref('fct_order_lines') }}
    where product_id is null
    union all
    select
        'line without a quantity' as gap,
        count(*) as rows_affected
    from {{ ref('fct_order_lines') }}
    where quantity is null
    union all
    select
        'line without a total' as gap,
        count(*) as rows_affected
    from {{ ref('fct_order_lines') }}
    where line_total is null
)

select
    gap,
    rows_affected
from empty_cells
where rows_affected > 0
