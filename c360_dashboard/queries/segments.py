"""Segments: size, share and profile of each persona, and how customers move between states."""

from dataclasses import dataclass

import polars as pl

from c360_dashboard.filters import Filters
from c360_dashboard.queries.people import PEOPLE, REGION
from c360_dashboard.snapshot import Reader

ACTIVE, SLOWING, LAPSED, NONE = "Active", "Slowing", "Lapsed", "No order yet"
STATES = (ACTIVE, SLOWING, LAPSED, NONE)
MIGRATING = {"persona": "Personas", "rfm_segment": "RFM segments"}
"""The columns that segment_migrations follows, and their titles."""


@dataclass(frozen=True)
class Segments:
    personas: pl.DataFrame
    rfm: pl.DataFrame
    habits: pl.DataFrame


def load(reader: Reader, filters: Filters) -> Segments:
    return Segments(
        _sizes(reader, filters, "persona"),
        _sizes(reader, filters, "rfm_segment"),
        _habits(reader, filters),
    )


def _sizes(reader: Reader, filters: Filters, column: str) -> pl.DataFrame:
    return reader.frame(
        f"""
        {PEOPLE},

        sizes as (
            select
                coalesce({column}, 'unknown') as segment,
                count(*) as customers,
                sum(total_spent) as spent,
                -- if only returns are known, there is no order to value and no share
                case
                    when sum(total_spent) >= 0 then sum(total_spent) / nullif(sum(total_orders), 0)
                end as order_value,
                avg(total_orders) as orders_each,
                median(days_since_last_order) as days_silent,
                avg(clv_12m) as clv_12m,
                avg(churn_risk) as churn_risk,
                count(*) filter (marketing_consent) / count(*) as consent
            from people
            group by segment
        )

        select
            *,
            customers / sum(customers) over () as customer_share,
            greatest(spent, 0) / nullif(sum(greatest(spent, 0)) over (), 0) as spent_share
        from sizes
        order by segment = 'No purchase yet', spent desc, segment
        """,
        filters.values,
    )


def _habits(reader: Reader, filters: Filters) -> pl.DataFrame:
    """Returns what sets the personas apart; for all regions, because the snapshot has no finer
    figures."""
    return reader.frame(
        """
        with tops as (
            select cluster_id, string_agg(category, ', ' order by lift desc, category) as likes
            from (
                select
                    cluster_id, category, lift,
                    row_number() over (
                        partition by cluster_id order by lift desc, category
                    ) as place
                from product_affinity
                where lift > 1
            )
            where place <= 2
            group by cluster_id
        )

        select
            b.persona, b.avg_basket_value, b.avg_items, b.online_ratio, b.repeat_ratio,
            -- if no customer at all has any, their files never came: unknown, not zero
            case when s.sessions > 0 then b.sessions_per_customer end as sessions_per_customer,
            case when s.tickets > 0 then b.tickets_per_customer end as tickets_per_customer,
            t.likes
        from behaviour_overview as b
        cross join (
            select max(sessions_per_customer) as sessions, max(tickets_per_customer) as tickets
            from behaviour_overview
        ) as s
        left join tops as t on b.cluster_id = t.cluster_id
        where (len($personas::varchar[]) = 0 or list_contains($personas::varchar[], b.persona))
        order by b.cluster_id
        """,
        filters.values,
    )


def load_months(reader: Reader) -> tuple[str, ...]:
    """Returns the months whose moves are known, the latest first; none if no history is kept."""
    if not reader.has("segment_migrations"):
        return ()
    months = reader.frame("select distinct month from segment_migrations order by month desc")
    return tuple(months["month"])


def load_migrations(reader: Reader, filters: Filters, month: str, what: str) -> pl.DataFrame:
    """Counts customers by the group that they left in a month and the one that they entered."""
    if what not in MIGRATING:
        raise ValueError(what)
    return reader.frame(
        f"""
        with moves as (
            select
                coalesce(m.{what}_before, 'unknown') as group_before,
                coalesce(m.{what}_after, 'unknown') as group_after
            from segment_migrations as m
            left join dim_customers as c on m.customer_id = c.customer_id
            where m.month = $month
                and m.{what}_before is distinct from m.{what}_after
                and (len($regions::varchar[]) = 0 or list_contains($regions::varchar[], {REGION}))
                and (
                    len($personas::varchar[]) = 0
                    or list_contains($personas::varchar[], m.persona_before)
                    or list_contains($personas::varchar[], m.persona_after)
                )
        )

        select
            group_before, group_after, count(*) as customers,
            count(*) / sum(count(*)) over (partition by group_before) as share
        from moves
        group by group_before, group_after
        order by customers desc, group_before, group_after
        """,
        filters.values | {"month": month},
    )


def load_moves(reader: Reader, filters: Filters, months: int) -> pl.DataFrame:
    """Counts customers by their state so many months ago and their state on the as-of day."""
    before, now = _state("before", "earlier"), _state("latest", "$end")
    return reader.frame(
        f"""
        {PEOPLE},

        last_orders as (
            select
                customer_id,
                max(order_date) as latest,
                max(order_date) filter (order_date <= $end - to_months($months)) as before
            from fct_orders
            where is_counted
            group by customer_id
        ),

        placed as (
            select l.latest, l.before, ($end - to_months($months))::date as earlier
            from people as p
            left join last_orders as l on p.customer_id = l.customer_id
        ),

        moves as (select {before} as state_before, {now} as state_now from placed)

        select
            state_before, state_now, count(*) as customers,
            count(*) / sum(count(*)) over (partition by state_before) as share
        from moves
        group by state_before, state_now
        order by state_before, state_now
        """,
        filters.values | {"months": months},
    )


def _state(latest: str, day: str) -> str:
    """Returns the SQL for a customer's state on a day, given the day of their latest order."""
    return f"""
        case
            when {latest} is null then '{NONE}'
            when {day} - {latest} <= 90 then '{ACTIVE}'
            when {day} - {latest} <= 180 then '{SLOWING}'
            else '{LAPSED}'
        end
    """
