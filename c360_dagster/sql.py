"""Small functions that every module with SQL needs: quoting, fetching a row, a transaction."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

PARQUET = "(format parquet, compression zstd, compression_level 1)"
"""How tables are copied to files: zstd's first level takes a third less time than its third."""


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def fetch_row(
    con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()
) -> tuple[Any, ...] | None:
    """The first row; all are fetched, because an unread result blocks the connection."""
    rows = con.execute(query, list(values)).fetchall()
    return rows[0] if rows else None


def fetch_count(con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] = ()) -> int:
    """The number that the query counts; 0 if it returns nothing."""
    row = fetch_row(con, query, values)
    return int(row[0] or 0) if row else 0


def count_rows(con: duckdb.DuckDBPyConnection, schema: str) -> dict[str, int]:
    """How many rows each table of the schema has; tables without rows are left out."""
    tables = con.execute(
        "select table_name from duckdb_tables() where schema_name = ? order by table_name", [schema]
    ).fetchall()
    inside = quote(schema)
    rows = {
        name: fetch_count(con, f"select count(*) from {inside}.{quote(name)}") for (name,) in tables
    }
    return {name: found for name, found in rows.items() if found}


def read_columns(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """By relation, such as gold.fct_orders, its columns in their order, each with its type."""
    columns: dict[str, dict[str, str]] = defaultdict(dict)
    for relation, name, kind in con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() order by column_index"
    ).fetchall():
        columns[relation][name] = kind
    return columns


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commits all that the block writes, or nothing of it."""
    con.execute("begin")
    try:
        yield
        con.execute("commit")
    except BaseException:
        # If the commit itself failed, nothing is left to undo, and its error must not be lost.
        with suppress(duckdb.TransactionException):
            execute_despite_interrupt(con, "rollback")
        raise


def execute_despite_interrupt(con: duckdb.DuckDBPyConnection, statement: str) -> None:
    """Executes the statement, twice if need be, because somebody may be stopping the run.

    What was meant to interrupt a query can interrupt this statement instead.
    """
    try:
        con.execute(statement)
    except RuntimeError:
        con.execute(statement)


@contextmanager
def in_any_order(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Lets the block write rows in any order, for rows that carry their own number.

    Each thread then fills its row groups completely. With an order they stay partly empty, and the
    next checkpoint packs them: it reads and compresses the whole table a second time.
    """
    con.execute("set preserve_insertion_order = false")
    try:
        yield
    finally:
        con.execute("reset preserve_insertion_order")
