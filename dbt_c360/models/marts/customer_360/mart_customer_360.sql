with

clock as (
    select * from {{ ref('int_data_clock') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
),

orders as (
    select * from {{ ref('int_customer_orders') }}
),

main_stores as (
    select * from {{ ref('int_customer_main_stores') }}
),

stores as (
    select * from {{ ref('dim_stores') }}
),

variety as (
    select * from {{ ref('int_customer_variety') }}
),

rfm as (
    select * from {{ ref('customer_rfm') }}
),

service as (
    select * from {{ ref('int_customer_service') }}
),

engagement as (
    select * from {{ ref('engagement_metrics') }}
),

consents as (
    select * from {{ ref('int_customer_consents') }}
),

segments as (
    select * from {{ ref('int_customer_segments') }}
),

forecasts as (
    select * from {{ source('science', 'forecasts') }}
),

new_categories as (
    select * from {{ source('science', 'next_categories') }}
),

first_products as (
    select * from {{ ref('next_best_products') }}
    where rank = 1
),

products as (
    select * from {{ ref('dim_products') }}
)

select
    customers.customer_id,
    customers.customer_gender,
    orders.total_orders,
    orders.total_spent,
    {{ money_ratio('orders.total_spent', 'orders.total_orders') }} as avg_order_value,
    orders.first_ordered_at as first_order_date,
    orders.last_ordered_at as last_order_date,
    orders.total_items as total_items_purchased,
    stores.store_name,
    main_stores.store_id,
    stores.store_city,
    stores.store_state,
    coalesce(variety.categories_purchased, 0) as categories_purchased,
    coalesce(variety.brands_purchased, 0) as brands_purchased,
    orders.orders_refunded,
    orders.amount_refunded,
    orders.orders_cancelled,
    customers.customer_gender_source,
    customers.source_systems,
    customers.is_inferred,
    customers.loyalty_tier,
    customers.customer_segment,
    customers.preferred_channel,
    rfm.recency_days as days_since_last_order,
    rfm.rfm_segment,
    segments.persona,
    {{ money('forecasts.clv_12m') }} as clv_12m,
    round(forecasts.churn_risk, 6) as churn_risk,
    service.tickets_open,
    service.avg_satisfaction,
    service.late_deliveries,
    engagement.sessions_90d,
    variety.favourite_category,
    -- for customers who bought from every category: the category of their first suggested product
    coalesce(new_categories.category, products.category) as next_best_category,
    consents.marketing_consent,
    clock.as_of_date
from customers
cross join clock
inner join orders
    on customers.customer_id = orders.customer_id
inner join rfm
    on customers.customer_id = rfm.customer_id
inner join service
    on customers.customer_id = service.customer_id
inner join engagement
    on customers.customer_id = engagement.customer_id
inner join segments
    on customers.customer_id = segments.customer_id
left join forecasts
    on customers.customer_id = forecasts.customer_id
left join new_categories
    on customers.customer_id = new_categories.customer_id
left join first_products
    on customers.customer_id = first_products.customer_id
left join products
    on first_products.product_id = products.product_id
left join main_stores
    on customers.customer_id = main_stores.customer_id
left join stores
    on main_stores.store_id = stores.store_id
left join variety
    on customers.customer_id = variety.customer_id
left join consents
    on customers.customer_id = consents.customer_id
