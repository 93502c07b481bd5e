{%- set touched = {'key': 'customer_id', 'found': [
    changed('fct_campaign_contacts', 'customer_id'),
    changed('fct_orders', 'customer_id'),
    naming_changed(
        'stg_campaigns', 'customer_id', by='campaign_id', table='gold.fct_campaign_contacts'
    ),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key=['campaign_id', 'customer_id'],
    meta={'touched': touched},
) }}

with

contacts as (
    select * from {{ ref('fct_campaign_contacts') }}
    {{ only_touched(touched, table=ref('fct_campaign_contacts')) }}
),

campaigns as (
    select * from {{ ref('stg_campaigns') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
    {{ only_touched(touched, table=ref('fct_orders')) }}
),

-- a person with two records may have been drawn twice; in both groups, they count in neither
drawn as (
    select
        campaign_id,
        customer_id,
        case
            when min(contact_group) = max(contact_group) then min(contact_group)
        end as contact_group,
        min(sent_date) as sent_date,
        max(case when opened_at is null then 0 else 1 end) as opens,
        max(case when clicked_at is null then 0 else 1 end) as clicks
    from contacts
    where
        contact_group in ('treatment', 'control')
        and not is_after_as_of
        and campaign_id is not null
        and customer_id is not null
    group by campaign_id, customer_id
),

-- both groups are watched over the same days: the campaign's, or its first four weeks if it has no
-- end; in an endless campaign, people drawn after these weeks are watched from the day of sending
begun as (
    select
        drawn.*,
        campaigns.end_date,
        case
            when
                campaigns.end_date is null
                and drawn.sent_date > {{ dbt.dateadd('day', 27, 'campaigns.start_date') }}
                then drawn.sent_date
            else coalesce(campaigns.start_date, drawn.sent_date)
        end as first_date
    from drawn
    left join campaigns
        on drawn.campaign_id = campaigns.campaign_id
),

-- people without a first day cannot be watched
watched as (
    select
        campaign_id,
        customer_id,
        contact_group,
        opens,
        clicks,
        first_date,
        coalesce(end_date, cast({{ dbt.dateadd('day', 27, 'first_date') }} as date)) as last_date
    from begun
    where first_date is not null
),

bought as (
    select
        watched.campaign_id,
        watched.customer_id,
        max(case when orders.net_amount < 0 then 0 else 1 end) as is_converted,
        sum(orders.net_amount) as revenue
    from watched
    inner join orders
        on
            watched.customer_id = orders.customer_id
            and watched.first_date <= orders.order_date
            and watched.last_date >= orders.order_date
    where orders.is_counted
    group by watched.campaign_id, watched.customer_id
)

select
    watched.campaign_id,
    watched.customer_id,
    watched.contact_group,
    watched.opens,
    watched.clicks,
    coalesce(bought.is_converted, 0) as is_converted,
    {{ money('coalesce(bought.revenue, 0)') }} as revenue,
    watched.last_date
from watched
left join bought
    on
        watched.campaign_id = bought.campaign_id
        and watched.customer_id = bought.customer_id
