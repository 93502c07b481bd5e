"""Gathers the facts of a day's report with SQL sums; no table is read whole.

It reads only gold, the log of loads and what checks left; everything is as of gold's day.
"""

from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb

from c360_dagster import words
from c360_dagster.daily_report.facts import (
    LEAST_RISK,
    SHOWN_DAYS,
    Difference,
    Facts,
    Health,
    Leaving,
    Move,
    Part,
    Persona,
    Sales,
    Service,
)
from c360_dagster.loading.load_log import HELD_LOADS, LATEST_LOG_ROWS
from c360_dagster.sql import count_rows, fetch_row

LISTED_LEAVING = 10
LISTED_MOVES = 6
REACH = 460
"""How many days of sales are read: the chart's first day lies 89 days back, the day to compare it
with 52 weeks before that, and the mean of that day takes in six days more."""
EVALUATIONS = (
    "segment_evaluation",
    "forecast_evaluation",
    "suggestion_evaluation",
    "campaign_evaluation",
)

# One row for each channel, or for each region: revenue of the day, of its week, of the week before
# and of the same week a year before.
PARTS = """
    with dated as (
        select
            coalesce(orders.channel, 'unknown') as channel,
            coalesce(customers.state, stores.store_state, customers.country, 'unknown')
                as region,
            orders.net_amount as amount,
            $as_of - orders.order_date as ago
        from gold.fct_orders as orders
        left join gold.dim_customers as customers on orders.customer_id = customers.customer_id
        left join gold.dim_stores as stores on orders.store_id = stores.store_id
        where orders.is_counted and (
            orders.order_date > $as_of - 14
            or orders.order_date between $as_of - 370 and $as_of - 364
        )
    )

    select
        {name},
        coalesce(sum(amount) filter (ago = 0), 0),
        coalesce(sum(amount) filter (ago < 7), 0) as week,
        coalesce(sum(amount) filter (ago between 7 and 13), 0),
        coalesce(sum(amount) filter (ago > 13), 0)
    from dated
    group by {name}
    order by week desc, {name}
"""

Con = duckdb.DuckDBPyConnection


def gather(con: Con, checks: Mapping[str, str], present: Collection[str]) -> Facts:
    """Gathers all facts; `checks` says what each test asks, `present` which files landing has."""
    as_of, published_at, run_id = fetch_row(
        con, "select as_of_date, published_at, run_id from gold.publication"
    ) or (None, None, "")
    values = {"as_of": as_of}
    moved_in, moves = _find_moves(con)
    return Facts(
        as_of=as_of,
        published_at=published_at,
        run_id=run_id,
        currency=_fetch_value(con, "select currency from gold.reporting_currency") or "",
        first_day=_fetch_value(con, "select min(order_date) from gold.fct_orders where is_counted"),
        sales=_add_up_sales(con, values),
        customers=_fetch_value(con, "select count(*) from gold.mart_customer_360"),
        joined=_fetch_value(
            con,
            "select count(*) from gold.dim_customers where cast(registered_at as date) = $as_of",
            values,
        ),
        first_buyers=_fetch_value(
            con,
            "select count(*) from gold.mart_customer_360 "
            "where cast(first_order_date as date) = $as_of",
            values,
        ),
        channels=_parts(con, "channel", values),
        regions=_parts(con, "region", values),
        personas=_count_personas(con, values),
        moved_in=moved_in,
        moves=moves,
        leaving=_list_leaving(con),
        value_at_risk=_fetch_value(
            con,
            "select cast(coalesce(sum(clv_12m * churn_risk), 0) as decimal(18, 2)) "
            "from gold.mart_customer_360",
        ),
        merges=dict(
            con.execute(
                "select found_on, count(*) from gold.customer_merges group by found_on "
                "order by found_on"
            ).fetchall()
        ),
        service=_gather_service(con, values),
        health=_gather_health(con, checks, present),
    )


def _add_up_sales(con: Con, values: Mapping[str, Any]) -> dict[date, Sales]:
    rows = con.execute(
        f"""
        select order_date, coalesce(sum(net_amount), 0), count(*), count(distinct customer_id)
        from gold.fct_orders
        where is_counted and order_date > $as_of - {REACH}
        group by order_date
        order by order_date
        """,
        values,
    ).fetchall()
    return {day: Sales(*numbers) for day, *numbers in rows}


def _parts(con: Con, name: str, values: Mapping[str, Any]) -> tuple[Part, ...]:
    return tuple(Part(*row) for row in con.execute(PARTS.format(name=name), values).fetchall())


def _count_personas(con: Con, values: Mapping[str, Any]) -> tuple[Persona, ...]:
    """In the order of the segments; customers who never bought are in none and come last."""
    rows = con.execute(
        f"""
        with spent as (
            select customer_id, sum(net_amount) as revenue
            from gold.fct_orders
            where is_counted and order_date > $as_of - {SHOWN_DAYS}
            group by customer_id
        )

        select
            coalesce(mart.persona, 'unknown') as name,
            count(*),
            coalesce(sum(spent.revenue), 0),
            round(avg(mart.churn_risk), 6)
        from gold.mart_customer_360 as mart
        left join spent on mart.customer_id = spent.customer_id
        left join gold.revenue_by_cluster as clusters on mart.persona = clusters.persona
        group by name, clusters.cluster_id
        order by clusters.cluster_id nulls last, name
        """,
        values,
    ).fetchall()
    return tuple(Persona(*row) for row in rows)


def _find_moves(con: Con) -> tuple[str | None, tuple[Move, ...]]:
    """Returns the last month in the history of segments, if there is one, and its largest moves."""
    month = _fetch_value(con, "select max(month) from gold.segment_migrations")
    if month is None:
        return None, ()
    rows = con.execute(
        f"""
        select
            coalesce(persona_before, 'unknown') as before,
            coalesce(persona_after, 'unknown') as after,
            count(*) as customers
        from gold.segment_migrations
        where month = ? and persona_before is distinct from persona_after
        group by before, after
        order by customers desc, before, after
        limit {LISTED_MOVES}
        """,
        [month],
    ).fetchall()
    return month, tuple(Move(*row) for row in rows)


def _list_leaving(con: Con) -> tuple[Leaving, ...]:
    rows = con.execute(
        f"""
        select
            customer_id, persona, clv_12m, churn_risk, days_since_last_order,
            coalesce(late_deliveries, 0), coalesce(tickets_open, 0)
        from gold.mart_customer_360
        where clv_12m > 0 and churn_risk >= {LEAST_RISK}
        order by clv_12m * churn_risk desc, customer_id
        limit {LISTED_LEAVING}
        """
    ).fetchall()
    return tuple(Leaving(*row) for row in rows)


def _gather_service(con: Con, values: Mapping[str, Any]) -> Service:
    parcels = fetch_row(
        con,
        """
        with promised as (
            select
                is_late,
                -- a parcel due today that has not come is undecided until the day is over
                is_late or (is_delivered and not is_late) as is_decided,
                is_late and not is_delivered and delivery_status is distinct from 'lost'
                    as is_overdue,
                as_of_date - estimated_delivery_date as ago
            from gold.fct_shipments cross join gold.publication
            where estimated_delivery_date between as_of_date - 60 and as_of_date
                and not is_after_as_of
        )

        select
            count(*) filter (ago < 7 and is_decided),
            count(*) filter (ago < 7 and is_late),
            count(*) filter (ago between 7 and 13 and is_decided),
            count(*) filter (ago between 7 and 13 and is_late),
            count(*) filter (is_overdue)
        from promised
        """,
    ) or (0, 0, 0, 0, 0)
    tickets = con.execute(
        """
        select
            count(*) filter (is_open),
            count(*) filter (is_open and priority in ('high', 'urgent')),
            count(*) filter (cast(created_at as date) = $as_of),
            count(*) filter (cast(resolved_at as date) = $as_of),
            cast(min(created_at) filter (is_open) as date)
        from gold.fct_support_tickets
        where not is_after_as_of
        """,
        values,
    ).fetchall()
    return Service(*parcels, *tickets[0])


def _gather_health(con: Con, checks: Mapping[str, str], present: Collection[str]) -> Health:
    loaded, rejected, cells = fetch_row(
        con,
        "select coalesce(sum(rows_loaded), 0), coalesce(sum(rows_rejected), 0), "
        f"coalesce(sum(cells_unreadable), 0) from {HELD_LOADS}",
    ) or (0, 0, 0)
    refused = con.execute(
        f"select path, message from {LATEST_LOG_ROWS} where status = 'refused' order by message"
    ).fetchall()
    differences = con.execute(
        """
        select check_name, compared, differing, largest_difference
        from gold.reconciliation
        where differing > 0
        order by differing / compared desc, check_name
        """
    ).fetchall()
    return Health(
        rows_loaded=int(loaded),
        rows_rejected=int(rejected),
        cells_unreadable=int(cells),
        refused=tuple(message for path, message in refused if path in present),
        checks=(*_find_failed_tests(con, checks), *_find_failed_evaluations(con)),
        differences=tuple(
            Difference(name, compared, differing, None if most is None else Decimal(most))
            for name, compared, differing, most in differences
        ),
        to_decide=_fetch_value(con, "select count(*) from gold.identity_review"),
    )


def _find_failed_tests(con: Con, checks: Mapping[str, str]) -> list[str]:
    return [
        f"{checks.get(test, test.replace('_', ' ')).rstrip('.')}: {words.count(rows, 'finding')}."
        for test, rows in count_rows(con, "test_failures").items()
    ]


def _find_failed_evaluations(con: Con) -> list[str]:
    """Returns the models' own evaluations that failed, as far as these have taken place."""
    there = {
        name
        for (name,) in con.execute(
            "select table_name from duckdb_tables() where schema_name = 'science'"
        ).fetchall()
    }
    selects = [
        f"select distinct check_name, said from science.{table} where not is_passed"
        for table in EVALUATIONS
        if table in there
    ]
    rows = con.execute(f"{' union all '.join(selects)} order by all").fetchall() if selects else []
    return [f"{name.replace('_', ' ')}: {said}" for name, said in rows]


def _fetch_value(con: Con, query: str, values: object = None) -> Any:  # noqa: ANN401  whatever it selects
    row = con.execute(query, values).fetchall()
    return row[0][0] if row else None
