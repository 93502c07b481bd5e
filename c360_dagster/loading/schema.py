"""The bronze schema: a table for each of the contract, the load log, and what was rejected."""

from collections.abc import Iterable

import duckdb

from c360_dagster.loading.load_log import create_log
from c360_dagster.loading.sql import quote, transaction
from c360_dagster.loading.stamps import create_stamps
from landing_contract import PROVENANCE, Column, Table


class ContractChangedError(Exception):
    """Bronze holds a table that its contract no longer describes; the message says what to do."""


def create_bronze(con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Creates what is missing of the bronze schema, so that every table can be read, if empty."""
    con.execute("create schema if not exists bronze")
    create_log(con)
    for table in tables:
        columns = [f"{quote(column.name)} {column.type}" for column in table.columns]
        columns += [f"{name} {kind}" for name, kind in PROVENANCE.items()]
        con.execute(f"create table if not exists {bronze_name(table)} ({', '.join(columns)})")
        _follow_contract(con, table)
    create_stamps(con)
    con.execute(
        """
        create table if not exists bronze.rejected_rows (
            path varchar, line bigint, "table" varchar, kind varchar,
            errors struct("column" varchar, reason varchar)[], raw varchar, run_id varchar
        )
        """
    )


def _follow_contract(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Adds the columns that the contract has gained; what it changed or lost is for a person."""
    nulls = [f"cast(null as {column.type}) as {quote(column.name)}" for column in table.columns]
    declared = _describe(con, f"select {', '.join(nulls)}")
    held = _describe(con, f"select * from {bronze_name(table)}")
    changed = [
        f"{name} is {held[name]} there and {kind} in the contract"
        for name, kind in declared.items()
        if held.get(name, kind) != kind
    ]
    changed += [f"{name} is only there" for name in held if name not in {*declared, *PROVENANCE}]
    if changed:
        raise ContractChangedError(
            f"bronze.{table.name} was made by another contract than "
            f"dbt_c360/models/sources/{table.folder}.yml: {', '.join(changed)}. "
            "Rows already loaded are not converted: put the contract back, or type "
            "`make clean` and `make refresh`, which load what still lies in landing anew."
        )
    gained = [column for column in table.columns if column.name.lower() not in held]
    if gained:
        with transaction(con):
            _add_columns(con, table, gained)


def _add_columns(con: duckdb.DuckDBPyConnection, table: Table, gained: Iterable[Column]) -> None:
    """Files that have them, and had them left out, count as never seen: they load anew."""
    for column in gained:
        con.execute(
            f"alter table {bronze_name(table)} add column {quote(column.name)} {column.type}"
        )
    con.execute(
        "update bronze.load_log set checksum = null where table_name = ? and "
        "list_has_any(list_transform(unknown_columns, lambda name: lower(name)), ?)",
        [table.name, [column.name.lower() for column in gained]],
    )


def _describe(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """Names, in small letters as DuckDB compares them, and types of what a query returns."""
    return {name.lower(): kind for name, kind, *_ in con.execute(f"describe {query}").fetchall()}


def bronze_name(table: Table) -> str:
    return f"bronze.{quote(table.name)}"
