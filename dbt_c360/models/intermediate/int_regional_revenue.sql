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

ledger as (
    select * from {{ ref('stg_regional_sales') }}
),

known as (
    select
        upper(region_id) as region_id,
        coalesce(upper(region_id) = upper(country), false) as is_country
    from ledger
    where not is_after_as_of
),

states as (
    select distinct region_id
    from known
    where not is_country
),

countries as (
    select distinct region_id
    from known
    where is_country
),

only_country as (
    select case when count(*) = 1 then max(region_id) end as region_id
    from countries
),

-- an order belongs to its store's region, or without a store to the customer's region
placed as (
    select
        upper(coalesce(stores.store_state, customers.state)) as state,
        upper(coalesce(stores.store_country, customers.country)) as country,
        orders.order_date,
        orders.total_amount
    from orders
    left join customers
        on orders.customer_id = customers.customer_id
    left join stores
        on orders.store_id = stores.store_id
    where orders.is_counted and orders.source_system = 'crm'
),

-- of these regions, the smallest that the ledger has counts: the state, else the country
regions as (
    select
        coalesce(states.region_id, countries.region_id, only_country.region_id) as region_id,
        placed.order_date,
        placed.total_amount
    from placed
    cross join only_country
    left join states
        on placed.state = states.region_id
    left join countries
        on placed.country = countries.region_id
)

select
    region_id,
    order_date,
    sum(total_amount) as revenue,
    count(*) as orders
from regions
where region_id is not null
group by region_id, order_date
