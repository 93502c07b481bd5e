with

clock as (
    select * from {{ ref('int_data_clock') }}
),

versions as (
    select * from {{ source('bronze', 'loyalty_program') }}
),

superseded as (
    {{ superseded_rows(source('bronze', 'loyalty_program'), ['customer_id']) }}
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
cross join clock
left join superseded
    on versions._file = superseded._file and versions._row = superseded._row
where superseded._row is null and {{ is_known('versions') }}
