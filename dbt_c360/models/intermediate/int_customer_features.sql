with

clock as (
    select * from {{ ref('int_data_clock') }}
),

placed as (
    select * from {{ ref('fct_orders') }}
),

lines as (
    select * from {{ ref('fct_order_lines') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

engagement as (
    select * from {{ ref('engagement_metrics') }}
),

-- returns and free orders say nothing about how somebody buys
orders as (
    select *
    from placed
    where is_counted and net_amount > 0 and customer_id is not null
),

-- 0 for the cheapest product of its category, 1 for the most expensive
price_levels as (
    select
        product_id,
        cast(
            percent_rank() over (partition by category order by price) as decimal(18, 6)
        ) as price_level
    from products
    where price is not null
),

tastes as (
    select
        lines.customer_id,
        {{ exact_avg('price_levels.price_level') }} as price_level
    from lines
    inner join price_levels
        on lines.product_id = price_levels.product_id
    where lines.is_counted and lines.quantity > 0 and lines.customer_id is not null
    group by lines.customer_id
),

summed as (
    select
        orders.customer_id,
        count(*) as orders,
        {{ money_sum('orders.net_amount') }} as net_amount,
        {{ count_if('orders.discount_amount > 0') }} as discounted_orders,
        count(orders.discount_amount) as orders_with_known_discount,
        {{ count_if("orders.channel in " ~ online_channels()) }} as online_orders,
        count(orders.channel) as orders_with_known_channel,
        count(distinct orders.channel) as channels,
        min(orders.order_date) as first_date,
        max(orders.order_date) as last_date
    from orders
    group by orders.customer_id
),

dated as (
    select
        summed.*,
        {{ days_between('summed.first_date', 'clock.as_of_date') }} as age_days,
        {{ days_between('summed.last_date', 'clock.as_of_date') }} as recency_days,
        {{ days_between('summed.first_date', 'summed.last_date') }} as span_days
    from summed
    cross join clock
)

select
    dated.customer_id,
    dated.orders,
    dated.recency_days,
    dated.span_days,
    dated.channels,
    coalesce(engagement.sessions_90d, 0) as sessions_90d,
    {{ money_ratio('dated.net_amount', 'dated.orders') }} as avg_order_value,
    tastes.price_level,
    {{ ratio('dated.discounted_orders', 'dated.orders_with_known_discount') }} as discount_share,
    {{ ratio('dated.online_orders', 'dated.orders_with_known_channel') }} as online_share,
    {{ ratio(
        'dated.orders * 30.4375', 'case when dated.age_days < 90 then 90 else dated.age_days end'
    ) }} as orders_per_month,
    {{ ratio('dated.recency_days * dated.orders', 'dated.span_days + 90') }} as silence,
    {{ ratio('case when dated.orders < 3 then dated.orders else 3 end', '3') }} as evidence
from dated
left join tastes
    on dated.customer_id = tastes.customer_id
left join engagement
    on dated.customer_id = engagement.customer_id
