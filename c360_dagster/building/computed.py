"""Tables that Python writes and dbt reads: declared in dbt's yml, created empty, then filled.

A model can be built before they are filled. dbt_c360/models/computed says what they may hold.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import polars as pl

from c360_dagster.sql import fetch_row, literal, quote, read_columns, transaction
from landing_contract import Column, read_column, read_sources

DECLARED = Path(__file__).parents[2] / "dbt_c360" / "models" / "computed"


@dataclass(frozen=True)
class ComputedTable:
    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def relation(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def ddl(self) -> str:
        columns = ", ".join(f"{quote(column.name)} {column.type}" for column in self.columns)
        return f"{self.relation} ({columns})"


@cache
def read_computed() -> dict[str, ComputedTable]:
    """Returns every such table by its relation's name."""
    tables = [
        ComputedTable(
            schema=source["schema"],
            name=declared["name"],
            description=declared["description"],
            columns=tuple(read_column(column) for column in declared["columns"]),
            key=tuple(declared["config"]["meta"]["key"]),
        )
        for source in read_sources(DECLARED)
        for declared in source["tables"]
    ]
    return {table.relation: table for table in tables}


def create_computed(con: duckdb.DuckDBPyConnection) -> None:
    """Creates missing tables, and replaces by an empty one each table that is declared differently.

    A view in a table's place is left alone: whoever made it keeps it right.
    """
    views = con.execute("select schema_name || '.' || view_name from duckdb_views()").fetchall()
    standing = read_columns(con)
    for table in read_computed().values():
        declared = [(column.name, column.type) for column in table.columns]
        held = [(name, kind.lower()) for name, kind in standing.get(table.relation, {}).items()]
        if held != declared and (table.relation,) not in views:
            con.execute(f"create schema if not exists {table.schema}")
            con.execute(f"create or replace table {table.ddl}")


def replace_with_view(con: duckdb.DuckDBPyConnection, table: ComputedTable, query: str) -> None:
    """Puts a view in the table's place, whether a table or a view was there before."""
    stands = "select 1 from duckdb_tables() where schema_name = ? and table_name = ?"
    if fetch_row(con, stands, [table.schema, table.name]):
        con.execute(f"drop table {table.relation}")
    con.execute(f"create schema if not exists {table.schema}")
    con.execute(f"create or replace view {table.relation} as {query}")


def replace_computed(con: duckdb.DuckDBPyConnection, frames: Mapping[str, pl.DataFrame]) -> None:
    """Replaces the rows of each table by its frame: of all tables or, after an error, of none."""
    create_computed(con)
    with transaction(con):
        for relation, frame in frames.items():
            replace_rows(con, relation, frame)
            write_comment(con, relation, "")


def replace_rows(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    frame: pl.DataFrame,
    keys: pl.DataFrame | None = None,
) -> None:
    """Replaces the rows that have one of the keys by the frame; without keys, all rows."""
    names = [column.name for column in read_computed()[relation].columns]
    if keys is None:
        con.execute(f"truncate {relation}")
    else:
        con.register("outgoing", keys.to_arrow())
        con.execute(
            f"delete from {relation} where ({_list_columns(keys.columns)}) in "
            f"(select ({_list_columns(keys.columns)}) from outgoing)"
        )
        con.unregister("outgoing")
    con.register("incoming", frame.select(names).to_arrow())
    con.execute(f"insert into {relation} select {_list_columns(names)} from incoming")
    con.unregister("incoming")


def write_comment(con: duckdb.DuckDBPyConnection, relation: str, text: str) -> None:
    """Notes on a table what its rows were made from. A table that is made again has no comment."""
    con.execute(f"comment on table {relation} is {literal(text)}")


def _list_columns(names: Iterable[str]) -> str:
    return ", ".join(quote(name) for name in names)
