"""Compares the rows that two ways made, by a count and a checksum of each table, in any order."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from c360_dagster.sql import fetch_row, quote

NOT_COMPARED = {
    *("publication", "load_log", "rejected_rows", "file_stamps"),
    *("customer_360_history", "audience_changes"),
}
"""Tables that are not compared, because they depend on which run it was, or hold other days."""
DIGITS = 16
FULL = 1 << 64


@dataclass(frozen=True)
class Content:
    rows: int
    checksum: str


Contents = dict[str, Content]
"""Contents by the table's name."""


def read_contents(database: Path, *schemas: str) -> Contents:
    """Returns the content of every table in the schemas.

    Columns that begin with `_` are left out, because they only say how a row came there.
    """
    with duckdb.connect(str(database), read_only=True) as con:
        con.execute("set enable_progress_bar = false")
        found = con.execute(
            "select schema_name, table_name, list(column_name order by column_name) "
            "from duckdb_columns() inner join duckdb_tables() using (schema_name, table_name) "
            "where list_contains(?, schema_name) and not starts_with(column_name, '_') "
            "group by all",
            [list(schemas)],
        ).fetchall()
        return {
            table: read_content(con, f"{quote(schema)}.{quote(table)}", columns)
            for schema, table, columns in sorted(found)
            if table not in NOT_COMPARED
        }


def read_content(con: duckdb.DuckDBPyConnection, relation: str, columns: Iterable[str]) -> Content:
    """Returns the sum of the rows' hashes, which changes with any cell but not with their order."""
    cells = ", ".join(quote(name) for name in columns)
    rows, summed = fetch_row(
        con, f"select count(*), coalesce(sum(hash(row({cells}))), 0) from {relation}"
    ) or (0, 0)
    return Content(rows, f"{int(summed) % FULL:0{DIGITS}x}")


def combine(contents: Contents) -> Content:
    """Returns one content for all tables together."""
    lines = "".join(
        f"{name} {each.rows} {each.checksum}\n" for name, each in sorted(contents.items())
    )
    return Content(
        sum(each.rows for each in contents.values()),
        hashlib.sha256(lines.encode()).hexdigest()[:DIGITS],
    )


def find_differences(ours: Contents, theirs: Contents) -> list[str]:
    """Returns the tables that are not the same on both sides."""
    return sorted(
        name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
    )
