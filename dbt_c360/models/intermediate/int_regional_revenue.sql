with

orders as (
    select * from {{ ref('fct_orders') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
),

stores as (
    select * from {{ ref('dim_stores') }}
),

-- an order belongs to its store's region, or else to the region where the customer lives
placed as (
    select
        coalesce(stores.store_state, customers.state) as state,
        coalesce(stores.store_country, customers.country) as country,
        orders.order_date,
        orders.total_amount
    from orders
    left join customers
        on orders.customer_id = customers.customer_id
    left join stores
        on orders.store_id = stores.store_id
    where orders.is_counted and orders.source_system = 'crm'
),

regions as (
    select
        upper(state) as region_id,
        order_date,
        total_amount
    from placed
    union all
    select
        upper(country) as region_id,
        order_date,
        total_amount
    from placed
    where country is not null and (state is null or upper(country) <> upper(state))
)

select
    region_id,
    order_date,
    sum(total_amount) as revenue,
    count(*) as orders
from regions
where region_id is not null
group by region_id, order_date
