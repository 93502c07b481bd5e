{%- set touched = {'key': 'customer_id', 'found': [
    changed('customer_identities', 'customer_id'),
    of_changed_records('stg_loyalty_program'),
]} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='touched',
    unique_key='customer_id',
    meta={'touched': touched},
) }}

with

memberships as (
    select * from {{ ref('stg_loyalty_program') }}
),

identities as (
    select * from {{ ref('customer_identities') }}
    {{ only_touched(touched) }}
),

ranked as (
    select
        identities.customer_id,
        memberships.loyalty_tier,
        memberships.points_balance,
        memberships.points_earned_ytd,
        memberships.points_redeemed_ytd,
        memberships.tier_start_date,
        row_number() over (
            partition by identities.customer_id
            order by
                case when memberships.tier_start_date is null then 1 else 0 end,
                memberships.tier_start_date desc,
                memberships.customer_id asc
        ) as membership_rank
    from memberships
    inner join identities
        on memberships.customer_id = identities.source_id and identities.source_system = 'crm'
)

select
    customer_id,
    loyalty_tier,
    points_balance,
    points_earned_ytd,
    points_redeemed_ytd,
    tier_start_date
from ranked
where membership_rank = 1
