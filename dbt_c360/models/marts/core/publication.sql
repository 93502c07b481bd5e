with

clock as (
    select * from {{ ref('int_data_clock') }}
),

mart as (
    select * from {{ ref('mart_customer_360') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

tickets as (
    select * from {{ ref('fct_support_tickets') }}
),

sessions as (
    select * from {{ ref('fct_sessions') }}
),

shipments as (
    select * from {{ ref('fct_shipments') }}
)

select
    as_of_date,
    '{{ var("run_id") }}' as run_id,
    cast({{ "'" ~ var('published_at') ~ "'" if var('published_at') else 'null' }} as timestamp)
        as published_at,
    (select count(*) from mart) as customers,
    (select count(*) from orders) as orders,
    (select count(*) from lines) as order_lines,
    (select count(*) from products) as products,
    (select count(*) from tickets) as support_tickets,
    (select count(*) from sessions) as sessions,
    (select count(*) from shipments) as shipments
from clock
