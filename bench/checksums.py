"""That two ways came to the same: rows and a checksum of every table, whatever their order."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import duckdb

from c360_dagster.loading.sql import fetch_row, quote

DIFFERENT_EACH_TIME = {"publication"}
"""It says which run it was."""
DIGITS = 16
FULL = 1 << 64


@dataclass(frozen=True)
class Content:
    rows: int
    checksum: str


def read_contents(
    warehouse: Path, schemas: tuple[str, ...] = ("gold",)
) -> dict[str, Content]:
    """Every table of the schemas, by its relation."""
    with duckdb.connect(str(warehouse), read_only=True) as con:
        con.execute("set enable_progress_bar = false")
        found = con.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where list_contains(?, schema_name) order by schema_name, table_name",
            [list(schemas)],
        ).fetchall()
        return {
            f"{schema}.{table}": read_content(con, schema, table)
            for schema, table in found
            if table not in DIFFERENT_EACH_TIME
        }


def read_content(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> Content:
    """The sum of the rows' hashes: it changes with any cell, and not with the rows' order."""
    columns = [
        name
        for (name,) in con.execute(
            "select column_name from duckdb_columns() "
            "where schema_name = ? and table_name = ? order by column_name",
            [schema, table],
        ).fetchall()
    ]
    cells = ", ".join(quote(name) for name in columns)
    rows, summed = fetch_row(
        con,
        f"select count(*), coalesce(sum(hash(row({cells}))), 0) "
        f"from {quote(schema)}.{quote(table)}",
    ) or (0, 0)
    return Content(rows, f"{int(summed) % FULL:0{DIGITS}x}")


def combine(contents: dict[str, Content]) -> Content:
    """One for all tables together."""
    told = "".join(f"{name} {each.rows} {each.checksum}\n" for name, each in sorted(contents.items()))
    return Content(
        sum(each.rows for each in contents.values()),
        hashlib.sha256(told.encode()).hexdigest()[:DIGITS],
    )


def find_differences(ours: dict[str, Content], theirs: dict[str, Content]) -> list[str]:
    """The tables that are not the same on both sides."""
    return sorted(
        name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
    )
