-- Tills book anonymous sales on a special id: 0, CASH, walk-in. Warn: silver cannot know that this
-- is not a person, so gold has a customer who is worth more than all others. No real person places
-- more than three orders per day on which they buy, on average; each row names an id that does.
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'int_customer_orders'}}}) }}

with

busy as (
    select * from {{ ref('int_customer_orders') }}
    where total_orders >= 100
),

days as (
    select * from {{ ref('int_customer_days') }}
),

identities as (
    select * from {{ ref('customer_identities') }}
),

buying as (
    select
        busy.customer_id,
        busy.total_orders,
        count(*) as days_with_orders
    from busy
    inner join days
        on busy.customer_id = days.customer_id
    group by busy.customer_id, busy.total_orders
    having busy.total_orders > 3 * count(*)
)

select
    buying.customer_id,
    min(identities.source_id) as source_id,
    buying.total_orders,
    buying.days_with_orders
from buying
inner join identities
    on buying.customer_id = identities.customer_id
group by buying.customer_id, buying.total_orders, buying.days_with_orders
