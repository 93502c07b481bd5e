"""Marks that tell which tables, tests and Python steps would come out the same and are kept.

A mark is a digest of everything that a result depends on: the project or the code, the day, and
the marks of what it reads. It is the comment on a table or view, so it is lost when anybody makes
that again.
"""

import hashlib
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

import duckdb

from c360_dagster.building.computed import read_computed
from c360_dagster.layers import BRONZE
from c360_dagster.loading.load_log import HELD_LOADS
from c360_dagster.sql import fetch_row, literal

MADE_OF, BY = "made of ", ", by run "
CONTINUED = "continued"
"""The comment on a table after rows were replaced. macros/changes.sql writes both together."""
SCHEMA = "changes"
PASSED_TABLE = "passed"
PASSED = f"{SCHEMA}.{PASSED_TABLE}"


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def digest_sources(folder: Path, files: Iterable[Path], libraries: Iterable[str]) -> str:
    """Returns a digest of the files' names and contents and of the libraries' versions."""
    known = hashlib.sha256(" ".join(version(name) for name in libraries).encode())
    for path in sorted(files):
        known.update(str(path.relative_to(folder)).encode())
        known.update(path.read_bytes())
    return known.hexdigest()


def read_comments(con: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    """Returns the comment of every table and view."""
    return dict(
        con.execute(
            "select schema_name || '.' || table_name, comment from duckdb_tables() "
            "where database_name = current_database() "
            "union all select schema_name || '.' || view_name, comment from duckdb_views() "
            "where database_name = current_database() and not internal"
        ).fetchall()
    )


def read_marks(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Returns the marks of relations, by their names, and those of tests that passed."""
    comments = read_comments(con)
    marks = {
        relation: comment.removeprefix(MADE_OF).partition(BY)[0]
        for relation, comment in comments.items()
        if comment and comment.startswith(MADE_OF)
    }
    if PASSED in comments:
        marks |= dict(con.execute(f"select test, mark from {PASSED}").fetchall())
    return marks


def write_marks(
    con: duckdb.DuckDBPyConnection, marks: Mapping[str, str | None], run: str | None = None
) -> None:
    """Writes marks on relations.

    A relation's mark is None if too little is known to tell later whether it can be kept.
    """
    by = f"{BY}{run}" if run else ""
    kinds = dict(
        con.execute(
            "select schema_name || '.' || table_name, 'table' from duckdb_tables() "
            "union all select schema_name || '.' || view_name, 'view' from duckdb_views()"
        ).fetchall()
    )
    for relation in marks.keys() & kinds.keys():
        comment = literal(f"{MADE_OF}{marks[relation]}{by}" if marks[relation] else CONTINUED)
        con.execute(f"comment on {kinds[relation]} {relation} is {comment}")


def note_passes(con: duckdb.DuckDBPyConnection, tests: Mapping[str, str | None]) -> None:
    """Notes the mark with which each test passed. None forgets that it ever did."""
    con.execute(f"create schema if not exists {SCHEMA}")
    con.execute(f"create table if not exists {PASSED} (test varchar, mark varchar)")
    con.execute(f"delete from {PASSED} where test in (select unnest(?))", [list(tests)])
    passed = {test: mark for test, mark in tests.items() if mark}
    con.execute(
        f"insert into {PASSED} select unnest(?), unnest(?)",
        [list(passed), list(passed.values())],
    )


def mark_sources(con: duckdb.DuckDBPyConnection, relations: Iterable[str]) -> dict[str, str]:
    """Returns the marks of tables that dbt reads but does not make.

    The mark of a table in bronze depends on what was loaded, which is quick for any size. That of
    another table depends on its rows. A view has no mark.
    """
    wanted = set(relations)
    return {
        name: mark
        for name, mark in {**_mark_bronze(con), **_mark_computed(con, wanted)}.items()
        if name in wanted
    }


def _mark_bronze(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    columns = con.execute(
        "select table_name, any_value(estimated_size), "
        "string_agg(column_name || ' ' || data_type, ', ' order by column_index) "
        "from duckdb_columns() join duckdb_tables() using (table_oid, table_name, schema_name) "
        "where schema_name = ? group by table_name",
        [BRONZE.name],
    ).fetchall()
    loads: dict[str, str] = {}
    if any(name == "load_log" for name, *_ in columns):
        held = "select table_name, path, checksum, known_at, started_at, run_id"
        for table, *load in con.execute(f"{held} from {HELD_LOADS} order by all").fetchall():
            loads[table] = digest(loads.get(table), load)
    return {f"{BRONZE.name}.{name}": digest(*known, loads.get(name)) for name, *known in columns}


def _mark_computed(con: duckdb.DuckDBPyConnection, wanted: set[str]) -> dict[str, str]:
    tables = {
        relation
        for (relation,) in con.execute(
            "select schema_name || '.' || table_name from duckdb_tables()"
        ).fetchall()
    }
    return {
        relation: digest(
            fetch_row(con, f"select count(*), sum(cast(hash(t) as hugeint)) from {relation} as t")
        )
        for relation in read_computed()
        if relation in wanted & tables
    }
