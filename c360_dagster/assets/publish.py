"""6. Publish: gold as files for people and programs, once everything before has passed.

What is published is also recorded, as its day in the history of the customers, and the last step
of a run that went through clears away what old ones left.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from c360_dagster.history.days import HISTORY, KEY, History, excerpt
from c360_dagster.layers import GOLD, PUBLISHED
from c360_dagster.pruning import prune
from c360_dagster.publishing import publish
from c360_dagster.resources.dbt import Manifest, is_personal
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.storage import guard_storage
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings


def build_publication(settings: Settings, manifest: Manifest) -> dg.AssetsDefinition:
    """The published snapshot: it waits for every table of gold and for every check that blocks."""
    gold = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == GOLD.name
    ]

    @dg.asset(
        key=[PUBLISHED.name, "c360"],
        deps=[KEY, *([GOLD.name, node["alias"]] for node in gold)],
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
        personal = {node["alias"]: _personal(node) for node in gold}
        history = History(settings.history)
        with warehouse.connect() as con:
            with guard_storage(settings.home):
                recorded = history.record(con)
                history.show(con)
            published = publish(
                con,
                settings.published,
                run=context.run.run_id,
                personal=personal,
                excerpts={HISTORY: excerpt(history.published_days())},
            )
            pruned = prune(settings, con, context.instance, settings.now(), context.run.run_id)
        if recorded:
            context.log_event(recorded.report())
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


def _personal(node: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name, column in node["columns"].items() if is_personal(column))
