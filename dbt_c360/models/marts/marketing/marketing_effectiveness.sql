with

results as (
    select * from {{ ref('int_campaign_results') }}
)

select
    campaign_id,
    contacts,
    control_contacts,
    in_both_groups,
    opens,
    clicks,
    conversion,
    control_conversion,
    conversion_lift,
    conversion_lift_low,
    conversion_lift_high,
    conversion_p_value,
    revenue_per_contact,
    control_revenue_per_contact,
    lift,
    lift_low,
    lift_high,
    p_value,
    cost,
    incremental_revenue,
    incremental_revenue_low,
    incremental_revenue_high,
    roi,
    is_running
from results
where cluster_id = 0
