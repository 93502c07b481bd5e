"""Keeps the keys of gold's rows that have changed since the last publication, in the warehouse.

Builds add keys as long as each continues the last one. Publishing reads them and starts again.
"""

from collections.abc import Mapping

import duckdb

from c360_dagster.building.marks import SCHEMA as CHANGES
from c360_dagster.building.marks import read_comments
from c360_dagster.layers import GOLD
from c360_dagster.sql import fetch_row, quote, transaction

SCHEMA = "unpublished"
PUBLICATION = f"{SCHEMA}.publication_followed"

Keys = Mapping[str, str]
"""For tables that builds continue, by name: the columns that tell their rows apart."""


def start_again(con: duckdb.DuckDBPyConnection, keys: Keys, publication: str) -> None:
    """Starts again without changed rows, because this publication holds what gold holds."""
    tables = _list_tables(con, GOLD.name)
    with transaction(con):
        drop_changes(con)
        con.execute(f"create schema {SCHEMA}")
        con.execute(
            f"create table {PUBLICATION} as select cast(? as varchar) as name", [publication]
        )
        for name in keys.keys() & tables:
            con.execute(
                f"create table {SCHEMA}.{quote(name)} as "
                f"select {keys[name]} from {GOLD.name}.{quote(name)} with no data"
            )


def note_changes(con: duckdb.DuckDBPyConnection) -> None:
    """Adds the rows that a build changed, as they were and as they are, before it forgets them."""
    for name in _list_tables(con, SCHEMA) & _list_tables(con, CHANGES):
        noted = f"{SCHEMA}.{quote(name)}"
        con.execute(f"insert into {noted} {_select_changed(con, name, noted)}")


def drop_changes(con: duckdb.DuckDBPyConnection) -> None:
    """Drops all keys: after tables were built in full, it is not known which rows changed."""
    con.execute(f"drop schema if exists {SCHEMA} cascade")


def find_changed(con: duckdb.DuckDBPyConnection, keys: Keys, publication: str) -> dict[str, str]:
    """Returns for each table the query for the keys of rows that differ from this publication.

    The changes of a build that was stopped are only in schema `changes`, so they are read there.
    A table without a comment was made by somebody else; it is left out, as its changes are unknown.
    """
    noted, pending = _list_tables(con, SCHEMA), _list_tables(con, CHANGES)
    if not noted or fetch_row(con, f"from {PUBLICATION}") != (publication,):
        return {}
    comments = read_comments(con)
    found = {}
    for name in noted & keys.keys():
        if comments.get(f"{GOLD.name}.{name}"):
            found[name] = f"select {keys[name]} from {SCHEMA}.{quote(name)}"
            if name in pending:
                found[name] += f" union select {keys[name]} from {CHANGES}.{quote(name)}"
    return found


def _select_changed(con: duckdb.DuckDBPyConnection, name: str, noted: str) -> str:
    columns = con.execute(f"describe {noted}").fetchall()
    return (
        f"select {', '.join(quote(column[0]) for column in columns)} from {CHANGES}.{quote(name)}"
    )


def _list_tables(con: duckdb.DuckDBPyConnection, schema: str) -> set[str]:
    query = (
        "select table_name from duckdb_tables() "
        "where schema_name = ? and database_name = current_database()"
    )
    return {name for (name,) in con.execute(query, [schema]).fetchall()}
