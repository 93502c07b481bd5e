{{ config(materialized='incremental', incremental_strategy='by_key', unique_key='customer_id') }}

with

versions as (
    {{ latest_versions('loyalty_program', ['customer_id']) }}
)

select
    {{ clean_text('versions.customer_id') }} as customer_id,

    {{ title_case(clean_text('versions.loyalty_tier')) }} as loyalty_tier,

    versions.points_balance,
    versions.points_earned_ytd,
    versions.points_redeemed_ytd,
    {{ money('versions.lifetime_value') }} as lifetime_value,

    versions.tier_start_date
from versions
