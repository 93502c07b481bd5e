"""Repeats what a Python step reported before, if nothing that the step reads has changed.

It decides by marks (see building/marks.py) and takes the report from Dagster's event log.
"""

from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

import dagster as dg
import duckdb

from c360_dagster.building.computed import read_computed
from c360_dagster.building.marks import digest, digest_sources, read_marks

LIBRARIES = ("duckdb", "numpy", "polars", "scipy", "splink")
CODE = Path(__file__).parents[1]
MADE_BY = "made_by_run"

Report = list[dg.MaterializeResult[None] | dg.AssetCheckResult]


@cache
def digest_code() -> str:
    """A digest that changes with each file of this package and each version of its libraries."""
    files = (path for path in CODE.rglob("*") if path.suffix in {".py", ".yml", ".csv"})
    return digest(digest_sources(CODE, files, LIBRARIES), read_computed())


def digest_files(*paths: Path) -> str:
    """A digest of the files' names, sizes and times; their content is not read just for that."""
    files = sorted(
        each for path in paths for each in (path.rglob("*") if path.is_dir() else [path])
    )
    known = [(each.name, each.stat()) for each in files if each.is_file()]
    return digest([(name, stat.st_size, stat.st_mtime_ns) for name, stat in known])


def mark_answer(
    con: duckdb.DuckDBPyConnection, reads: Collection[str], *also: object
) -> str | None:
    """Returns a digest of what an answer is made of now; None if too little is known about that.

    It also covers the tables under a view, which may have changed since the view was made.
    """
    marks, read = read_marks(con), set(reads)
    for relation in reads:
        read |= con.get_table_names(f"from {relation}", qualified=True)
    made_of = [marks.get(relation) for relation in sorted(read)]
    return None if None in made_of else digest(digest_code(), made_of, also)


def have_mark(con: duckdb.DuckDBPyConnection, relations: Iterable[str], mark: str | None) -> bool:
    """Whether each of these tables has exactly this mark."""
    marks = read_marks(con)
    return mark is not None and all(marks.get(each) == mark for each in relations)


def repeat_report(context: dg.AssetExecutionContext, tables: Collection[str] = ()) -> Report:
    """Returns what was last reported about everything selected, or only about these tables.

    Returns nothing if one of them was never reported.
    """
    keys = sorted(context.selected_asset_keys)
    checks = sorted(context.selected_asset_check_keys)
    if tables:
        keys = [key for key in keys if key.path[-1] in tables]
        checks = [key for key in checks if key.asset_key.path[-1] in tables]
    events = context.instance.get_latest_materialization_events(keys)
    repeated = [
        *(_repeat_table(key, events.get(key)) for key in keys),
        *(_repeat_check(context, key) for key in checks),
    ]
    known = [each for each in repeated if each]
    return known if len(known) == len(repeated) else []


def _repeat_table(
    key: dg.AssetKey, event: dg.EventLogEntry | None
) -> dg.MaterializeResult[None] | None:
    reported = event.asset_materialization if event else None
    if not event or not reported:
        return None
    return dg.MaterializeResult(
        asset_key=key, metadata={MADE_BY: event.run_id, **reported.metadata}
    )


def _repeat_check(
    context: dg.AssetExecutionContext, key: dg.AssetCheckKey
) -> dg.AssetCheckResult | None:
    """Repeats the check's last evaluation; the latest record may be this run's plan only."""
    history = context.instance.event_log_storage.get_asset_check_execution_history(key, limit=3)
    for record in history:
        event = record.event.dagster_event if record.event else None
        if event and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            reported = event.asset_check_evaluation_data
            return dg.AssetCheckResult(
                asset_key=reported.asset_key,
                check_name=reported.check_name,
                passed=reported.passed,
                severity=reported.severity,
                description=reported.description,
                metadata=reported.metadata,
            )
    return None
