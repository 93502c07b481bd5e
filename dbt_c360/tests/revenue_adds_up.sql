-- The same lines summed by month, category, week and customer give the same revenue, to the cent;
-- only the sum by customer lacks orders of guests. Error: a sum lost or doubled lines.
{{ config(meta={'dagster': {'ref': {'name': 'customer_lifetime_value'}}}) }}

with

totals as (
    select
        (select sum(total_revenue) from {{ ref('monthly_revenue_orders') }}) as by_month,
        (select sum(total_revenue) from {{ ref('category_performance') }}) as by_category,
        (select sum(revenue) from {{ ref('demand_summary') }}) as by_week,
        (
            select sum(total_price) from {{ ref('fct_order_lines') }}
            where is_counted
        ) as by_line,
        (select sum(total_revenue) from {{ ref('customer_lifetime_value') }}) as by_customer,
        (
            select sum(total_price) from {{ ref('fct_order_lines') }}
            where is_counted and customer_id is null
        ) as by_guests
)

select
    by_month,
    by_category,
    by_week,
    by_line,
    by_customer,
    by_guests
from totals
where
    coalesce(by_month, 0) <> coalesce(by_line, 0)
    or coalesce(by_category, 0) <> coalesce(by_line, 0)
    or coalesce(by_week, 0) <> coalesce(by_line, 0)
    or coalesce(by_customer, 0) + coalesce(by_guests, 0) <> coalesce(by_line, 0)
