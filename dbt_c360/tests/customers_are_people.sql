-- Tills book sales to nobody on an id of their own: 0, CASH, walk-in. Warn: silver cannot know that
-- it is no person, and gold has a customer who is worth more than all others. No shop's best buyer
-- places more than three orders on the days on which she buys; each row names an id that does.
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
