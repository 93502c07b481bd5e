with

ledger as (
    select * from {{ ref('stg_regional_sales') }}
),

regions as (
    select * from {{ ref('int_regional_revenue') }}
),

entries as (
    select
        upper(region_id) as region_id,
        sales_date,
        total_revenue
    from ledger
    where not is_after_as_of and region_id is not null and sales_date is not null
),

covered as (
    select
        min(sales_date) as first_date,
        max(sales_date) as last_date
    from entries
),

-- the ledger says nothing before its first day and after its last; in between, a missing row is 0
sold as (
    select
        regions.region_id,
        regions.order_date,
        regions.revenue
    from regions
    cross join covered
    where regions.order_date >= covered.first_date and regions.order_date <= covered.last_date
)

select
    coalesce(entries.region_id, sold.region_id) as region_id,
    coalesce(entries.sales_date, sold.order_date) as sales_date,
    case
        when entries.region_id is null then 0
        else entries.total_revenue
    end as ledger_revenue,
    coalesce(sold.revenue, 0) as order_revenue
from entries
full outer join sold
    on entries.region_id = sold.region_id and entries.sales_date = sold.order_date
