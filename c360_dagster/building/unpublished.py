"""Which rows of gold have changed since the last publication: their keys, kept in the warehouse.

Builds add to them, as long as they continue one another; publishing reads them and begins again.
"""

from collections.abc import Mapping

import duckdb

from c360_dagster.building.standing import SCHEMA as CHANGES
from c360_dagster.building.standing import read_comments
from c360_dagster.layers import GOLD
from c360_dagster.sql import fetch_row, quote, transaction

SCHEMA = "unpublished"
PUBLICATION = f"{SCHEMA}.publication_followed"

Keys = Mapping[str, str]
"""Of tables that builds continue, by name: the columns that tell their rows apart."""


def begin_again(con: duckdb.DuckDBPyConnection, keys: Keys, publication: str) -> None:
    """From this publication on: what it holds is what gold holds."""
    tables = _list_tables(con, GOLD.name)
    with transaction(con):
        forget(con)
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
    """What a build is about to forget: the rows that it changed, as they were and as they are."""
    for name in _list_tables(con, SCHEMA) & _list_tables(con, CHANGES):
        noted = f"{SCHEMA}.{quote(name)}"
        con.execute(f"insert into {noted} {_changed(con, name, noted)}")


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Where tables are built whole, nothing is known of their rows."""
    con.execute(f"drop schema if exists {SCHEMA} cascade")


def find_changed(con: duckdb.DuckDBPyConnection, keys: Keys, publication: str) -> dict[str, str]:
    """By table, the query for the keys of rows that differ from those in this publication.

    Only of tables of which that is known: a build that was stopped may have left some of its
    changes noted nowhere but where it works, and nothing stands written on a table made by others.
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


def _changed(con: duckdb.DuckDBPyConnection, name: str, noted: str) -> str:
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
