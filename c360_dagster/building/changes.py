"""Decides what a build makes: everything, or only what has changed since the last finished build.

It decides by the files that bronze holds. Its notes are in the warehouse, so that they are lost
with it. How models find their changed rows is in dbt_c360/macros/changes.sql.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from c360_dagster.building import unpublished
from c360_dagster.building.marks import PASSED_TABLE, SCHEMA, read_comments, write_marks
from c360_dagster.loading.load_log import HELD_LOADS
from c360_dagster.sql import fetch_count, fetch_row, quote, transaction
from c360_dagster.words import count

# A rate affects every order of its currency, and finding those costs as much as building all.
REACHES_ALL = "rates"
# int_data_clock takes the day from orders if there are any, so the first ones may set it back.
SET_THE_DAY = ("transactions", "workbook_transactions")
# Rows loaded. Measured: with fewer, finding what has changed costs as much as building everything.
WORTHWHILE = 2_000_000
LAST_BUILD_TABLES = ("last_build", "last_held")
# The time zone is included because the same file read for another zone gives other times.
CONTENT = "concat_ws(' ', checksum, timezone) as checksum"
HELD = f"(select path, {CONTENT}, known_at, table_name from {HELD_LOADS})"


@dataclass(frozen=True)
class Plan:
    """`since` is the as-of day of the build that this one continues; None builds everything."""

    since: date | None
    reason: str


EVERYTHING = Plan(None, "")


@dataclass(frozen=True)
class BuildRequest:
    """What a build is asked for.

    Everything is built if the project has changed or if the day may be an earlier one.
    """

    run: str
    project: str
    as_of: date | None
    """The as-of day if one is set. If none is set, the day never goes back by itself."""
    anew: bool = False
    """Whether a full build was explicitly asked for."""


def begin_build(
    con: duckdb.DuckDBPyConnection,
    request: BuildRequest,
    manifest: Mapping[str, Any],
    worthwhile: int = WORTHWHILE,
) -> Plan:
    """Returns the run's plan, the same in each of its steps, and notes that a build has begun."""
    con.execute(f"create schema if not exists {SCHEMA}")
    with transaction(con):
        if plan := _read_plan(con, request):
            return plan
        plan = _make_plan(con, request, manifest, worthwhile)
        if plan.since is None:
            _drop_tables(con, but=[PASSED_TABLE])
            unpublished.drop_changes(con)
        else:
            _list_changes(con, manifest)
        con.execute(f"create or replace table {SCHEMA}.held as from {HELD}")
        con.execute(f"create or replace table {SCHEMA}.built (model varchar)")
        con.execute(
            f"create or replace table {SCHEMA}.build as select cast(? as varchar) as run, "
            "cast(? as varchar) as project, cast(? as date) as as_of, cast(? as date) as since",
            [request.run, request.project, request.as_of, plan.since],
        )
    return plan


def finish_build(
    con: duckdb.DuckDBPyConnection,
    request: BuildRequest,
    manifest: Mapping[str, Any],
    built: Iterable[str],
) -> bool:
    """Notes what was built, and returns whether that is every model.

    If it is, the next build continues from here.
    """
    con.execute(f"insert into {SCHEMA}.built select unnest(?)", [list(built)])
    done = {name for (name,) in con.execute(f"from {SCHEMA}.built").fetchall()}
    if not done >= {node["unique_id"] for node in _models(manifest)}:
        return False
    with transaction(con):
        comments = read_comments(con)
        write_marks(con, {each: None for each in _incremental(manifest) if not comments[each]})
        con.execute(f"create or replace table {SCHEMA}.last_held as from {SCHEMA}.held")
        con.execute(
            f"create or replace table {SCHEMA}.last_build as select cast(? as varchar) as project, "
            "cast(? as date) as as_of, as_of_date from silver.int_data_clock",
            [request.project, request.as_of],
        )
        unpublished.note_changes(con)
        _drop_tables(con, but=[*LAST_BUILD_TABLES, PASSED_TABLE])
    return True


def _read_plan(con: duckdb.DuckDBPyConnection, request: BuildRequest) -> Plan | None:
    if not _exists(con, "build"):
        return None
    row = fetch_row(con, f"select since from {SCHEMA}.build where run = ?", [request.run])
    return Plan(row[0], "") if row else None


def _make_plan(
    con: duckdb.DuckDBPyConnection,
    request: BuildRequest,
    manifest: Mapping[str, Any],
    worthwhile: int,
) -> Plan:
    reason = _find_reason(con, request) or _find_reason_in_tables(con, manifest)
    if not reason:
        rows = fetch_count(con, f"select sum(rows_loaded) from {HELD_LOADS}")
        reason = f"with {rows:,} rows that is just as quick" if rows < worthwhile else None
    if reason:
        return Plan(None, f"Tables are built in full: {reason}.")
    (since,) = fetch_row(con, f"select as_of_date from {SCHEMA}.last_build") or (None,)
    files = count(fetch_count(con, f"select count(*) from ({_new_files()})"), "new file")
    return Plan(since, f"Only what has changed since the build as of {since} is built: {files}.")


def _find_reason(con: duckdb.DuckDBPyConnection, request: BuildRequest) -> str | None:
    """Returns why a build cannot continue the last finished one; None if it can."""
    if request.anew:
        return "that was asked for"
    if not _exists(con, "last_build"):
        return "there is no finished build to continue"
    project, as_of, as_of_date = fetch_row(con, f"from {SCHEMA}.last_build") or ("", None, None)
    if project != request.project:
        return "the models or their settings have changed since the last build"
    if as_of != request.as_of and (request.as_of is None or request.as_of < as_of_date):
        return f"the last build was as of {as_of_date}"
    if _exists(con, "build"):
        unfinished = fetch_row(con, f"select as_of from {SCHEMA}.build")
        if unfinished != (request.as_of,):
            return "a build as of another day did not finish"
    return _find_reason_in_files(con, as_of_date)


def _find_reason_in_files(con: duckdb.DuckDBPyConnection, since: date) -> str | None:
    # A build that did not finish may already have used rows of its files, too.
    taken_up = [f"from {SCHEMA}.{name}" for name in ("last_held", "held") if _exists(con, name)]
    gone = fetch_row(
        con,
        f"select path from (({' union '.join(taken_up)}) except from {HELD}) order by path limit 1",
    )
    if gone:
        return f"rows of {gone[0]} were replaced or taken back"
    reaching = fetch_row(
        con,
        f"select path from {HELD} where table_name = '{REACHES_ALL}' "
        f"and (path in ({_new_files()}) or known_at > ?) or table_name in {SET_THE_DAY} "
        f"and table_name not in (select table_name from {SCHEMA}.last_held) order by path limit 1",
        [since],
    )
    return f"{reaching[0]} reaches every row" if reaching else None


def _find_reason_in_tables(
    con: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]
) -> str | None:
    """Looks for a table without a comment: one that somebody has made again has none."""
    comments = read_comments(con)
    for relation in _incremental(manifest):
        if not comments.get(relation):
            return f"{relation} is not as the last finished build left it"
    return None


def _new_files() -> str:
    return f"select path from (from {HELD} except from {SCHEMA}.last_held)"


def _list_changes(con: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]) -> None:
    """Lists the new files, and creates the tables of changed rows that are missing.

    The changed rows of a build that did not finish stay, because models may still have to read
    them.
    """
    con.execute(f"create or replace table {SCHEMA}.files as {_new_files()}")
    for relation in _incremental(manifest):
        name = relation.split(".")[1]
        con.execute(f"create table if not exists {SCHEMA}.{name} as from {relation} with no data")


def _incremental(manifest: Mapping[str, Any]) -> list[str]:
    return [
        f"{node['schema']}.{node['alias']}"
        for node in _models(manifest)
        if node["config"]["materialized"] == "incremental"
    ]


def _models(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the models that are built. Ephemeral ones are not: they become part of others."""
    return [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["materialized"] != "ephemeral"
    ]


def _drop_tables(con: duckdb.DuckDBPyConnection, but: Collection[str] = ()) -> None:
    tables = "select table_name from duckdb_tables() where schema_name = ?"
    for (name,) in con.execute(tables, [SCHEMA]).fetchall():
        if name not in but:
            con.execute(f"drop table {SCHEMA}.{quote(name)}")


def _exists(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    query = "select count(*) from duckdb_tables() where schema_name = ? and table_name = ?"
    return fetch_count(con, query, [SCHEMA, name]) == 1
