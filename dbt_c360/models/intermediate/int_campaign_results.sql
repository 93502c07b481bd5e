with

totals as (
    select * from {{ ref('int_campaign_totals') }}
),

campaigns as (
    select * from {{ ref('stg_campaigns') }}
),

effects as (
    select * from {{ source('science', 'campaign_effects') }}
),

everybody as (
    select
        campaign_id,
        treated_contacts
    from totals
    where cluster_id = 0
),

-- a cluster's cost is its share of the treated contacts; the cost of the whole campaign is its
-- budget, even if nobody was contacted
costed as (
    select
        totals.*,
        case
            when totals.cluster_id = 0 then {{ money('campaigns.budget') }}
            else
                {{ money(
                    'campaigns.budget * totals.treated_contacts'
                    ~ ' / nullif(everybody.treated_contacts, 0)'
                ) }}
        end as cost
    from totals
    inner join everybody
        on totals.campaign_id = everybody.campaign_id
    left join campaigns
        on totals.campaign_id = campaigns.campaign_id
)

select
    costed.campaign_id,
    costed.cluster_id,
    costed.treated_contacts as contacts,
    costed.control_contacts,
    costed.in_both_groups,
    costed.opens,
    costed.clicks,
    {{ ratio('costed.treated_conversions', 'costed.treated_contacts') }} as conversion,
    {{ ratio('costed.control_conversions', 'costed.control_contacts') }} as control_conversion,
    {{ money_ratio('costed.treated_revenue', 'costed.treated_contacts') }} as revenue_per_contact,
    {{ money_ratio('costed.control_revenue', 'costed.control_contacts') }}
        as control_revenue_per_contact,
    round(effects.conversion_lift, 6) as conversion_lift,
    round(effects.conversion_lift_low, 6) as conversion_lift_low,
    round(effects.conversion_lift_high, 6) as conversion_lift_high,
    round(effects.conversion_p_value, 6) as conversion_p_value,
    round(effects.revenue_lift, 6) as lift,
    round(effects.revenue_lift_low, 6) as lift_low,
    round(effects.revenue_lift_high, 6) as lift_high,
    round(effects.revenue_p_value, 6) as p_value,
    costed.cost,
    {{ money('effects.revenue_difference * costed.treated_contacts') }} as incremental_revenue,
    {{ money('effects.revenue_difference_low * costed.treated_contacts') }}
        as incremental_revenue_low,
    {{ money('effects.revenue_difference_high * costed.treated_contacts') }}
        as incremental_revenue_high,
    {{ ratio(
        'effects.revenue_difference * costed.treated_contacts - costed.cost', 'costed.cost'
    ) }} as roi,
    costed.is_running
from costed
left join effects
    on costed.campaign_id = effects.campaign_id and costed.cluster_id = effects.cluster_id
