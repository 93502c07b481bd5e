"""Writes gold as files that people open: a DuckDB file and a folder of parquet, replaced at once.

A reader sees the last publication or the new one, never half of one; `gold.publication` names it.
Unchanged tables are taken over from the last publication. In the DuckDB file, this is also done
with tables of which only a few rows have changed.
"""

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from c360_dagster.building.unpublished import Keys, start_again
from c360_dagster.layers import GOLD
from c360_dagster.publishing.taking_over import LastPublication, TakenOver
from c360_dagster.sql import (
    PARQUET,
    execute_despite_interrupt,
    fetch_count,
    literal,
    quote,
    read_columns,
    transaction,
)

SCHEMA = GOLD.name
# A fixed storage version, so that versions of DuckDB older than the writing one can read the file.
STORAGE = "v1.5.0"
MASK = "***"
GENERATIONS = ".generations"


@dataclass(frozen=True)
class KnownTables:
    """What is known about gold's tables, by their names."""

    personal: Mapping[str, frozenset[str]]
    """For each table of the project, the columns with personal data. Other tables are left out."""
    keys: Keys = field(default_factory=dict)


Excerpts = Mapping[str, str]
"""For views in gold, by name, the query for the rows to publish, in an order of its own."""


class PublishError(Exception):
    """Raised if nothing was published. The last publication stays, and the message says why."""


@dataclass(frozen=True)
class Published:
    snapshot: Path
    parquet: Path
    rows: dict[str, int]


def publish(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    *,
    run: str,
    known: KnownTables,
    excerpts: Excerpts | None = None,
) -> Published:
    """Writes gold's tables aside, then puts them in place of the last publication."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left_by_a_killed_run in folder.glob(".*.duckdb*"):
        left_by_a_killed_run.unlink()
    snapshot, parquet, generations = (
        folder / name for name in ("c360.duckdb", "parquet", GENERATIONS)
    )
    listed = con.execute("select table_name from duckdb_tables() where schema_name = ?", [SCHEMA])
    queries = {
        name: f"from {SCHEMA}.{quote(name)}"
        for (name,) in listed.fetchall()
        if name in known.personal
    }
    tables = dict(sorted({**queries, **(excerpts or {})}.items()))
    last = LastPublication(generations, snapshot)
    taken = last.find_unchanged(con, queries, known.keys)
    aside = folder / f".{run}.duckdb"
    before = _find_shown(parquet)
    # If the step is tried again, the folder of this run may be the one that readers see.
    again = ".again" if before == generations / run else ""
    generation = generations / f"{run}{again}"
    try:
        with con.cursor() as beside, ThreadPoolExecutor(1) as pool:
            files = pool.submit(_write_parquet, beside, generation, tables, known, taken)
            rows = _write_snapshot(con, aside, tables, snapshot, taken)
            files.result()
            last.write_note(con, generation.name, aside, rows, taken)
            start_again(con, known.keys, generation.name)
            # Stopping a run interrupts only its main thread, so this one is never stopped halfway.
            pool.submit(_put_in_place, parquet, generation, snapshot, aside).result()
    except (duckdb.IOException, duckdb.TransactionException, OSError) as problem:
        raise PublishError(
            f"Nothing was published, and {folder} is as it was: {problem}. Is the disk full? "
            "Make room and run `make refresh`."
        ) from problem
    finally:
        aside.unlink(missing_ok=True)
        aside.with_name(aside.name + ".wal").unlink(missing_ok=True)
        if _find_shown(parquet) != generation:
            shutil.rmtree(generation, ignore_errors=True)
    _delete_old_generations(generation, before)
    return Published(snapshot, parquet, rows)


def _write_snapshot(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    tables: Mapping[str, str],
    last: Path,
    taken: TakenOver,
) -> dict[str, int]:
    path.unlink(missing_ok=True)
    if taken:
        shutil.copyfile(last, path)
    try:
        con.execute(f"attach {literal(str(path))} as snapshot (storage_version '{STORAGE}')")
        path.chmod(0o600)
        rows = {}
        with transaction(con):
            con.execute(f"create schema if not exists snapshot.{SCHEMA}")
            for (name,) in con.execute(
                "select table_name from duckdb_tables() where database_name = 'snapshot'"
            ).fetchall():
                if name not in {*taken.rows, *taken.changed}:
                    con.execute(f"drop table snapshot.{SCHEMA}.{quote(name)}")
            for name, query in tables.items():
                table = f"snapshot.{SCHEMA}.{quote(name)}"
                if name in taken.rows:
                    rows[name] = taken.rows[name]
                elif name in taken.changed:
                    _replace_rows(con, name, *taken.changed[name])
                    rows[name] = fetch_count(con, f"select count(*) from {table}")
                else:
                    rows[name] = fetch_count(con, f"create table {table} as {query}")
    finally:
        execute_despite_interrupt(con, "detach database if exists snapshot")
    return rows


def _replace_rows(con: duckdb.DuckDBPyConnection, name: str, key: str, changed: str) -> None:
    """Replaces the rows with changed keys by those that gold has now, if any."""
    here, there = (f"{schema}.{quote(name)}" for schema in (SCHEMA, f"snapshot.{SCHEMA}"))
    con.execute(f"create or replace temporary table changed_keys as {changed}")
    con.execute(f"delete from {there} where ({key}) in (from changed_keys)")
    # Selected by row number, so that the other columns are read for these rows only.
    numbers = f"select rowid from {here} where ({key}) in (from changed_keys)"
    con.execute(f"insert into {there} from {here} where rowid in ({numbers})")
    con.execute("drop table changed_keys")


def _write_parquet(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    tables: Mapping[str, str],
    known: KnownTables,
    taken: TakenOver,
) -> None:
    """Writes a file for each table, sorted, so that equal tables give equal bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    columns = read_columns(con)
    for name, query in tables.items():
        path = folder / f"{name}.parquet"
        if name in taken.rows:
            path.hardlink_to(taken.generation / path.name)
            continue
        shown = _masked(columns[f"{SCHEMA}.{name}"], known.personal.get(name, frozenset()))
        # An excerpt is in order. Sorting a large table by its key alone is less work.
        order = f"order by {known.keys.get(name, 'all')}" if name in known.personal else ""
        con.execute(
            f"copy (select {shown} {query} {order}) to {literal(str(path))} {PARQUET}"
        ).fetchall()
        path.chmod(0o600)


def _masked(columns: Mapping[str, str], hidden: frozenset[str]) -> str:
    """Returns the columns for a select. Hidden text becomes stars, other hidden types null."""
    return ", ".join(
        _mask(quote(name), kind) if name in hidden else quote(name)
        for name, kind in columns.items()
    )


def _mask(column: str, kind: str) -> str:
    if kind == "VARCHAR":
        return f"case when {column} is not null then '{MASK}' end as {column}"
    return f"cast(null as {kind}) as {column}"


def _put_in_place(parquet: Path, generation: Path, snapshot: Path, aside: Path) -> None:
    """Puts both the parquet folder and the DuckDB file in place, or neither."""
    before = _find_shown(parquet)
    _point(parquet, generation)
    try:
        aside.replace(snapshot)
    except OSError:
        if before:
            _point(parquet, before)
        else:
            parquet.unlink()
        raise


def _find_shown(parquet: Path) -> Path | None:
    return parquet.parent / parquet.readlink() if parquet.is_symlink() else None


def _point(link: Path, generation: Path) -> None:
    beside = link.with_name(f".{link.name}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(os.path.relpath(generation, link.parent), target_is_directory=True)
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)  # a copy of the home may have a folder in place of the link
    beside.replace(link)


def _delete_old_generations(generation: Path, before: Path | None) -> None:
    """Deletes old generations, but keeps the last one, which somebody may still be reading."""
    for path in generation.parent.iterdir():
        if path.is_dir() and path not in {generation, before}:
            shutil.rmtree(path, ignore_errors=True)
