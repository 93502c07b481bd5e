"""4. Identity: finds out which records are one person, and gives each person an id that lasts."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
import polars as pl

from c360_dagster import words
from c360_dagster.assets.describe import markdown_table, specify_computed
from c360_dagster.assets.repeating import digest_files, have_mark, mark_answer, repeat_report
from c360_dagster.building.computed import (
    create_computed,
    read_computed,
    replace_rows,
    write_comment,
)
from c360_dagster.building.marks import read_comments, write_marks
from c360_dagster.checks.identity import DECISIONS, check_identity, specify_identity_checks
from c360_dagster.dbt_runner.build import Extent
from c360_dagster.layers import IDENTITY, SILVER
from c360_dagster.resources.decisions import list_pairs, read_decisions
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.registry import Generation, Registry
from c360_dagster.resources.storage import guard_storage
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings
from c360_dagster.sql import fetch_row, transaction

# Imported for types only: it is slow, and the definitions and runs without news do not need it.
if TYPE_CHECKING:
    from c360_dagster.identity import Memory, Resolution

SCHEMA = IDENTITY.name
RECORDS = """
    select
        source_system, source_id, first_name, last_name, email, phone, date_of_birth,
        address_line1, city, state, zip_code, country, gender, customer_segment,
        preferred_channel, registered_at
    from silver.int_customer_records
    order by source_system, source_id
"""
READS = [f"{SILVER.name}.{name}" for name in ("int_customer_records", "int_data_clock")]
TABLES = [each for each, table in read_computed().items() if table.schema == SCHEMA]
IDENTITIES = f"{SCHEMA}.identities"
GOLDEN, PROVENANCE = f"{SCHEMA}.golden_records", f"{SCHEMA}.provenance"
MERGES = f"{SCHEMA}.merges"
HISTORY = "history"
HISTORY_COLUMNS: dict[str, type[pl.DataType]] = {
    "found_on": pl.Date,
    "kind": pl.String,
    "from_id": pl.String,
    "to_id": pl.String,
    "why": pl.String,
}


def build_identity(settings: Settings) -> dg.AssetsDefinition:
    """Builds the tables that say who is who, by one comparison of new records with known ones."""

    @dg.multi_asset(
        name="resolve_identities",
        specs=[
            specify_computed(
                read_computed()[each], IDENTITY, [dg.AssetKey(read.split(".")) for read in READS]
            )
            for each in TABLES
        ],
        check_specs=specify_identity_checks(),
    )
    def resolve_identities(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
        extent: Extent,
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        registry = Registry(settings.registry)
        # Taken before the files are read, so that later changes are noticed in the next run.
        asserted = digest_files(settings.decisions, settings.truth)
        with warehouse.connect() as con:
            mark = _mark(con, settings, asserted)
            is_unchanged = not extent.full_refresh and have_mark(con, [IDENTITIES], mark)
            repeated = repeat_report(context) if is_unchanged else []
            if repeated:
                _warn(context, repeated)
                yield from repeated
                return
            records, as_of = _read_records(con)
            known = registry.read()
            previous = _read_memory(known, con)
            earlier_history = _read_history(known, con)
        from c360_dagster.identity import Rules, resolve  # noqa: PLC0415  as above

        if known is None and previous is not None:
            context.log.warning(
                "The registry of ids in %s is gone: ids and merges are taken from the "
                "warehouse. Restore the folder from a backup, if there is one: only it has the "
                "ids of people who are no longer in the warehouse, and the ids that led to them.",
                settings.registry,
            )
        systems = {*Rules.read().source_order, *records["source_system"].unique()}
        decisions = read_decisions(settings.decisions, systems)
        with guard_storage(settings.home):  # it uses databases in memory, which spill to disk, too
            found = resolve(records, previous=previous, rules=list_pairs(decisions))
        history = _add_to_history(earlier_history, found, as_of)
        if known is None or as_of >= known.as_of:
            frames = {**found.memory.frames(), HISTORY: history}
            with guard_storage(settings.home):
                registry.write(known.number + 1 if known else 1, as_of, frames)
        else:
            # Expected if somebody chose the day; otherwise files are gone, or had dates too late.
            context.log.log(
                logging.INFO if settings.as_of else logging.WARNING,
                "%s is before %s, the day as of which ids were last given: the registry is read "
                "and stays as it is, and ids that are given now are not remembered.",
                as_of,
                known.as_of,
            )
        checks = list(check_identity(settings, known, found, decisions))
        with warehouse.connect() as con:
            rows = _write(con, found, history, None if extent.full_refresh else previous)
            if all(each.passed or each.severity is dg.AssetCheckSeverity.WARN for each in checks):
                write_marks(con, {IDENTITIES: _mark(con, settings, asserted)})
        context.log.info(_say(found))
        _warn(context, checks)
        yield from _report(rows, found, checks)

    return resolve_identities


def _mark(con: duckdb.DuckDBPyConnection, settings: Settings, asserted: str) -> str | None:
    """Returns the mark of the answer as of now.

    It also covers what lies outside the warehouse (the ids that were given, and what people say
    about pairs) and the other tables, which may have been made anew.
    """
    comments = read_comments(con)
    others = [comments.get(each) for each in TABLES if each != IDENTITIES]
    given = digest_files(settings.registry)
    return mark_answer(con, READS, asserted, given, others, settings.defects)


def _read_records(con: duckdb.DuckDBPyConnection) -> tuple[pl.DataFrame, date]:
    (as_of,) = fetch_row(con, "select as_of_date from silver.int_data_clock") or (date.min,)
    return con.sql(RECORDS).pl(), as_of


def _read_memory(
    known: Generation | None, con: duckdb.DuckDBPyConnection
) -> "Memory | pl.DataFrame | None":
    """Returns what earlier runs knew; if the registry was lost, the warehouse still has the ids."""
    from c360_dagster.identity import Memory  # noqa: PLC0415  as above

    if known:
        return Memory.from_frames(known.frames)
    create_computed(con)
    given = con.sql(f"select source_system, source_id, customer_id from {SCHEMA}.identities").pl()
    return given if given.height else None


def _read_history(known: Generation | None, con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Every merge and split of earlier runs, from the warehouse if the registry is lost."""
    if known:
        return known.frames[HISTORY]
    create_computed(con)
    merges: pl.DataFrame = con.sql(f"from {MERGES}").pl()
    return merges


def _add_to_history(before: pl.DataFrame, found: "Resolution", as_of: date) -> pl.DataFrame:
    """Returns every merge and split of all runs, each with the day as of which it was found.

    If an id was merged several times on one day, only the last merge is kept: the earlier ones
    were undone, and their date could not tell them from the last.
    """
    new = found.merges.select(pl.lit(as_of).alias("found_on"), "kind", "from_id", "to_id", "why")
    both = [frame.cast(pl.Schema(HISTORY_COLUMNS)) for frame in (before, new)]
    parted = pl.when(kind="split").then("to_id").alias("parted")
    return (
        pl.concat(both)
        .with_columns(parted)
        .unique(["found_on", "kind", "from_id", "parted"], keep="last", maintain_order=True)
        .drop("parted")
    )


def _write(
    con: duckdb.DuckDBPyConnection,
    found: "Resolution",
    history: pl.DataFrame,
    previous: "Memory | pl.DataFrame | None",
) -> dict[str, int]:
    """Writes the tables and returns how many rows each has.

    Golden records and provenance are written for changed customers only, if those of the others
    are still valid.
    """
    from c360_dagster.identity import Memory  # noqa: PLC0415  as above

    create_computed(con)
    comments = read_comments(con)
    can_continue = isinstance(previous, Memory) and all(
        comments[each] == previous.stamp for each in (GOLDEN, PROVENANCE)
    )
    survivors = found.changes if can_continue else found
    large = {GOLDEN: survivors.golden, PROVENANCE: survivors.provenance}
    changed = pl.DataFrame({"customer_id": found.changed}) if can_continue else None
    with transaction(con):
        for relation, frame in large.items():
            replace_rows(con, relation, frame, changed)
        for relation, frame in _small_tables(found, history).items():
            replace_rows(con, relation, frame)
        for relation in TABLES:
            write_comment(con, relation, found.memory.stamp)
    return {name: con.table(name).count("*").fetchall()[0][0] for name in TABLES}


def _small_tables(found: "Resolution", history: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {
        IDENTITIES: found.identities,
        MERGES: history,
        f"{SCHEMA}.redirects": found.redirects,
        f"{SCHEMA}.review": found.review.rename({"probability": "match_probability"}),
    }


def _warn(context: dg.AssetExecutionContext, results: Iterable[object]) -> None:
    """Warns of decisions about unknown records, even if the answer is kept, until corrected."""
    checks = (each for each in results if isinstance(each, dg.AssetCheckResult))
    for check in checks:
        if check.check_name == DECISIONS and not check.passed:
            context.log.warning(check.description)


def _say(found: "Resolution") -> str:
    records, people = found.report["records"], found.report["people"]
    return (
        f"{records:,} records are {people:,} people; "
        f"{words.count(found.merges.height, 'merge or split', 'merges and splits')}, "
        f"{words.count(found.review.height, 'pair')} to review."
    )


def _report(
    rows: Mapping[str, int], found: "Resolution", checks: list[dg.AssetCheckResult]
) -> Iterator[dg.MaterializeResult]:
    for relation, count in rows.items():
        key = dg.AssetKey(relation.split("."))
        more: dict[str, Any] = {}
        if relation == IDENTITIES:
            rules = found.identities["match_rule"].value_counts(sort=True).rows()
            more["rules"] = dg.MetadataValue.md(markdown_table(("rule", "records"), rules))
            more["report"] = dg.MetadataValue.json(json.loads(json.dumps(found.report)))
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={"dagster/row_count": count, **more},
            check_results=[check for check in checks if check.asset_key == key],
        )
