"""Marketing: what campaigns changed, measured against control groups."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from c360_dashboard.filters import Filters
from c360_dashboard.snapshot import Reader

NAMES = """
    with described as (
        select campaign_id, max(campaign_name) as campaign_name, max(channel) as channel
        from fct_campaign_contacts group by campaign_id
    ),

    -- tells two campaigns of the same name apart
    names as (
        select
            campaign_id, channel,
            campaign_name || case
                when count(*) over (partition by campaign_name) > 1 then ' (' || campaign_id || ')'
                else ''
            end as campaign_name
        from described
    )
"""
COLUMNS = """
    coalesce(n.campaign_name, e.campaign_id) as campaign, n.channel,
    e.contacts, e.control_contacts,
    e.opens / nullif(e.contacts, 0) as open_rate,
    e.clicks / nullif(e.contacts, 0) as click_rate,
    e.conversion, e.control_conversion,
    e.revenue_per_contact, e.control_revenue_per_contact,
    e.lift, e.lift_low, e.lift_high, e.p_value,
    e.cost, e.incremental_revenue, e.incremental_revenue_low, e.incremental_revenue_high, e.roi,
    case
        when e.is_running then 'still running'
        when e.lift_low > 0 then 'clear gain'
        when e.lift_high < 0 then 'clear loss'
        when e.lift_low is null then 'cannot be told'
        else 'no clear effect'
    end as verdict
"""


@dataclass(frozen=True)
class Marketing:
    totals: dict[str, Any]
    campaigns: pl.DataFrame
    by_persona: pl.DataFrame
    consent: pl.DataFrame


def load(reader: Reader, filters: Filters) -> Marketing:
    return Marketing(
        reader.row(
            """
            select
                count(*) as campaigns,
                coalesce(sum(contacts), 0) as contacts,
                sum(cost) as cost,
                sum(incremental_revenue) as incremental_revenue,
                -- without a control group or a budget, one of the two is missing
                sum(incremental_revenue - cost)
                    / nullif(sum(cost) filter (incremental_revenue is not null), 0) as roi,
                count(*) filter (lift_low > 0) as clear_gains
            from marketing_effectiveness
            where not is_running
            """
        ),
        reader.frame(
            f"""
            {NAMES}
            select e.campaign_id, {COLUMNS}
            from marketing_effectiveness as e
            left join names as n on e.campaign_id = n.campaign_id
            order by e.incremental_revenue desc nulls last, e.campaign_id
            """
        ),
        reader.frame(
            f"""
            {NAMES}
            select e.campaign_id, r.persona, {COLUMNS}
            from marketing_effectiveness_by_cluster as e
            left join names as n on e.campaign_id = n.campaign_id
            inner join revenue_by_cluster as r on e.cluster_id = r.cluster_id
            where e.contacts > 0
                and (
                    len($personas::varchar[]) = 0
                    or list_contains($personas::varchar[], r.persona)
                )
            order by e.campaign_id, e.cluster_id
            """,
            filters.values,
        ),
        reader.frame(
            """
            select
                coalesce(m.persona, 'unknown') as persona,
                count(*) as customers,
                count(*) filter (m.marketing_consent) as reachable,
                reachable / count(*) as consent
            from mart_customer_360 as m
            where (len($personas::varchar[]) = 0 or list_contains($personas::varchar[], m.persona))
            group by all
            order by customers desc, persona
            """,
            filters.values,
        ),
    )
