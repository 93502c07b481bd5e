{{ config(materialized='table') }}

with

clock as (
    select * from {{ ref('int_data_clock') }}
),

days as (
    select * from {{ ref('int_product_days') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

dated as (
    select
        days.*,
        {{ days_between('days.order_date', 'clock.as_of_date') }} as days_ago
    from days
    cross join clock
),

known as (
    select max(days_ago) + 1 as known_days
    from dated
),

summed as (
    select
        product_id,
        cast(sum(units) as bigint) as units,
        cast(sum(orders) as bigint) as orders,
        {{ money_sum('revenue') }} as revenue,
        cast(sum(margin) as decimal(18, 2)) as margin,
        cast(coalesce(sum(case when days_ago < 90 then units end), 0) as bigint) as units_90d,
        cast(sum(units_out) as bigint) as units_out,
        cast(sum(units_back) as bigint) as units_back,
        max(days_ago) + 1 as sold_days
    from dated
    group by product_id
),

aged as (
    select
        summed.*,
        known.known_days,
        {{ days_between('products.created_date', 'clock.as_of_date') }} + 1 as created_days
    from summed
    cross join clock
    cross join known
    left join products
        on summed.product_id = products.product_id
),

-- days since a product was created, at least since its first sale, and at most since the first
-- known sale of any product: a product that is new since last week has no sales of ninety days
offered as (
    select
        *,
        case
            when created_days < sold_days then sold_days
            when created_days < known_days then created_days
            else known_days
        end as days_on_sale
    from aged
)

select
    product_id,
    units,
    orders,
    revenue,
    margin,
    units_90d,
    case when days_on_sale < 90 then days_on_sale else 90 end as days_90d,
    units_out,
    units_back
from offered
