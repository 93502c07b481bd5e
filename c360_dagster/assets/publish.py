"""6. Publish: gold as files for people and programs, once everything before has passed.

It also records the published day in the customers' history, and deletes what old runs left behind.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg
import duckdb

from c360_dagster.assets.audiences import read_member_queries
from c360_dagster.audiences.declarations import AudienceError
from c360_dagster.dbt_runner.dbt_project import Manifest, is_personal, read_keys
from c360_dagster.history.days import HISTORY, KEY, History, excerpt
from c360_dagster.history.memberships import CHANGES, Memberships
from c360_dagster.history.memberships import KEY as CHANGES_KEY
from c360_dagster.layers import GOLD, PUBLISHED
from c360_dagster.pruning import prune
from c360_dagster.publishing.publication import KnownTables, publish
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.storage import guard_storage
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings


def build_publication(settings: Settings, manifest: Manifest) -> dg.AssetsDefinition:
    """Builds the published snapshot, which waits for all of gold and every check that blocks."""
    gold = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == GOLD.name
    ]

    @dg.asset(
        key=[PUBLISHED.name, "c360"],
        deps=[KEY, CHANGES_KEY, *([GOLD.name, node["alias"]] for node in gold)],
        group_name=PUBLISHED.name,
        owners=[PUBLISHED.owner],
        kinds=set(PUBLISHED.kinds),
        tags={"layer": PUBLISHED.name, "pii": ""},
        description=(
            "All of gold as files: c360.duckdb with everything, for its owner alone, and parquet "
            "in which personal columns are masked."
        ),
    )
    def publish_gold(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
    ) -> dg.MaterializeResult[None]:
        known = KnownTables(
            personal={node["alias"]: _personal(node) for node in gold},
            keys=read_keys(manifest, GOLD.name),
        )
        history, memberships = History(settings.history), Memberships(settings.memberships)
        with warehouse.connect() as con:
            with guard_storage(settings.home):
                recorded = history.record(con)
                if recorded:
                    _record_members(context, con, recorded.date, settings, manifest)
                history.create_view(con)
                memberships.create_view(con)
                came_and_went = memberships.report(con)
            published = publish(
                con,
                settings.published,
                run=context.run.run_id,
                known=known,
                excerpts={
                    HISTORY: excerpt(history.published_days()),
                    CHANGES: memberships.excerpt(),
                },
            )
            pruned = prune(settings, con, context.instance, settings.now(), context.run.run_id)
            # Dagster forgets the mark of a day together with its run, but the day is still there.
            marked = context.instance.get_materialized_partitions(KEY)
            others = [
                history.look_up(con, day)
                for day in history.days()
                if day.isoformat() not in marked and (not recorded or day != recorded.date)
            ]
        for day in others:
            context.log_event(day.report())
        if recorded:
            context.log_event(recorded.report())
            context.log_event(came_and_went)
        context.log.debug("Forgotten: %d runs and %d loads.", pruned.runs, pruned.loads)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(published.rows.values()),
                "dagster/uri": dg.MetadataValue.url(published.snapshot.as_uri()),
                "tables": len(published.rows),
                "bytes": published.snapshot.stat().st_size,
            }
        )

    return publish_gold


def _record_members(
    context: dg.AssetExecutionContext,
    con: duckdb.DuckDBPyConnection,
    day: date,
    settings: Settings,
    manifest: Manifest,
) -> None:
    """Records who is in which audience on that day.

    A mistake in an audience does not stop the publication, because its export reports it.
    """
    try:
        questions = read_member_queries(settings, manifest)
    except AudienceError as problem:
        context.log.warning("Nobody's audiences of %s are recorded. %s", day, problem)
        return
    for audience, why in Memberships(settings.memberships).record(con, day, questions).items():
        context.log.warning("Who is in '%s' on %s is not recorded: %s", audience, day, why)


def _personal(node: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name, column in node["columns"].items() if is_personal(column))
