{%- set touched = {'key': 'customer_id', 'found': [
    changed('fct_order_lines', 'customer_id'),
    naming_changed(
        'dim_products', 'customer_id', by='product_id', table='gold.fct_order_lines'
    ),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['customer_id', 'category'],
    meta={'touched': touched},
) }}

with

lines as (
    select * from {{ ref('fct_order_lines') }}
    {{ only_touched(touched, table=ref('fct_order_lines')) }}
),

products as (
    select * from {{ ref('dim_products') }}
),

-- lines are summed by order first, because counting rows is cheaper than counting distinct orders
per_order as (
    select
        lines.customer_id,
        products.category,
        lines.order_id,
        sum(lines.quantity) as units,
        sum(lines.total_price) as revenue,
        {{ count_if('lines.quantity > 0') }} as lines_bought,
        max(lines.order_date) as order_date
    from lines
    inner join products
        on lines.product_id = products.product_id
    where lines.is_counted and lines.customer_id is not null and products.category is not null
    group by lines.customer_id, products.category, lines.order_id
),

bought as (
    select
        customer_id,
        category,
        count(*) as orders,
        sum(units) as units,
        sum(revenue) as revenue,
        sum(lines_bought) as lines_bought,
        max(order_date) as last_bought_date
    from per_order
    group by customer_id, category
)

select
    customer_id,
    category,
    orders,
    cast(coalesce(units, 0) as bigint) as units,
    cast(coalesce(revenue, 0) as decimal(18, 2)) as revenue,
    {{ ratio('revenue', 'sum(revenue) over (partition by customer_id)') }} as revenue_share,
    cast(
        row_number() over (
            partition by customer_id
            order by coalesce(revenue, 0) desc, coalesce(units, 0) desc, category
        ) as bigint
    ) as preference_rank,
    -- lines that only take something back are no purchase
    lines_bought > 0 as is_bought,
    last_bought_date
from bought
