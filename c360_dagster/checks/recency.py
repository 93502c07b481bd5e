"""Checks that the data are recent: their latest day, and each source's latest events.

Dagster's daemon watches when tables were made; this check looks at what is in them, in every run.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import duckdb

from c360_dagster.dbt_runner.dbt_project import Manifest
from c360_dagster.layers import SILVER
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings
from c360_dagster.sql import fetch_row

CLOCK = dg.AssetKey([SILVER.name, "int_data_clock"])
LATEST_DAY = timedelta(days=1)
"""How far back the latest day may lie: yesterday is complete today; if the latest day is older, a
delivery is missing."""
NO_DAY = date(1970, 1, 1)
"""The day that int_data_clock has if nothing that was loaded has a day."""


def build_recency(settings: Settings, manifest: Manifest) -> dg.AssetChecksDefinition:
    """Builds a check of the latest day and of every source whose events are expected to go on."""
    watched = {
        source["name"]: source
        for source in manifest["sources"].values()
        if source.get("loaded_at_query")
    }

    @dg.asset_check(
        name="data_is_recent",
        asset=CLOCK,
        description=(
            "The as-of day is today or yesterday, and no source's latest event lies further back "
            "than its freshness in dbt_c360/models/sources allows. Warns; never where C360_AS_OF "
            "chooses the day."
        ),
    )
    def data_is_recent(
        context: dg.AssetCheckExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
    ) -> dg.AssetCheckResult:
        with warehouse.connect() as con:
            result = check_recency(con, watched, settings, settings.now())
        if not result.passed:
            context.log.warning(result.description)
        return result

    return data_is_recent


def check_recency(
    con: duckdb.DuckDBPyConnection,
    watched: Mapping[str, Mapping[str, Any]],
    settings: Settings,
    now: datetime,
) -> dg.AssetCheckResult:
    (as_of,) = fetch_row(con, f"select as_of_date from {'.'.join(CLOCK.path)}") or (None,)
    days = (now.date() - as_of).days if as_of else 0
    problems = []
    if settings.as_of is None:
        if as_of == NO_DAY:
            problems.append("Nothing with a date was loaded: look at what was refused or rejected.")
        elif timedelta(days=days) > LATEST_DAY:
            problems.append(f"The data ends on {as_of}, {days} days ago: is a delivery missing?")
        elif days < -1:  # one day ahead is possible: somewhere it is tomorrow already
            problems.append(f"The data reaches {as_of}, {-days} days ahead: is a date in it wrong?")
        else:
            problems += _find_silent(con, watched, now)
    return dg.AssetCheckResult(
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(problems) or f"As of {as_of}.",
        metadata={"as_of": str(as_of), "days_ago": days},
    )


def _find_silent(
    con: duckdb.DuckDBPyConnection, watched: Mapping[str, Mapping[str, Any]], now: datetime
) -> Iterator[str]:
    """Names the sources whose latest event is too old.

    A source without any event is not named, because its arrival is checked when it is loaded.
    """
    late = []
    for name, source in sorted(watched.items()):
        (latest,) = fetch_row(con, source["loaded_at_query"]) or (None,)
        allowed = source["freshness"]["warn_after"]
        if latest and now - latest > timedelta(**{f"{allowed['period']}s": allowed["count"]}):
            late.append(f"{name} ({latest.date()})")
    if late:
        yield f"No newer events in {', '.join(late)}."
