"""Creates the bronze schema: the contract's tables, the load log, stamps and rejected rows."""

from collections.abc import Iterable, Mapping

import duckdb

from c360_dagster.loading.load_log import create_log
from c360_dagster.loading.stamps import create_stamps
from c360_dagster.sql import quote, read_columns, transaction
from landing_contract import PROVENANCE, Column, Table


class ContractChangedError(Exception):
    """Raised if bronze has a table that does not fit its contract; the message says what to do."""


def create_bronze(con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Creates what is missing of the bronze schema, so that every table exists, if only empty."""
    con.execute("create schema if not exists bronze")
    create_log(con)
    tables = list(tables)
    held = read_columns(con)
    types = _spell_types(con, {column.type for table in tables for column in table.columns})
    for table in tables:
        columns = [f"{quote(column.name)} {column.type}" for column in table.columns]
        columns += [f"{name} {kind}" for name, kind in PROVENANCE.items()]
        con.execute(f"create table if not exists {bronze_name(table)} ({', '.join(columns)})")
        if existing := held.get(f"bronze.{table.name}"):
            _follow_contract(con, table, types, existing)
    create_stamps(con)
    con.execute(
        """
        create table if not exists bronze.rejected_rows (
            path varchar, line bigint, "table" varchar, kind varchar,
            errors struct("column" varchar, reason varchar)[], raw varchar, run_id varchar
        )
        """
    )


def _follow_contract(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    types: Mapping[str, str],
    existing: Mapping[str, str],
) -> None:
    """Adds columns that are new in the contract.

    Raises if the contract has changed or lost a column: a person must decide what to do then.
    """
    declared = {column.name.lower(): types[column.type] for column in table.columns}
    held = {name.lower(): kind for name, kind in existing.items()}  # DuckDB ignores case
    changed = [
        f"{name} is {held[name]} there and {kind} in the contract"
        for name, kind in declared.items()
        if held.get(name, kind) != kind
    ]
    changed += [f"{name} is only there" for name in held if name not in {*declared, *PROVENANCE}]
    if changed:
        raise ContractChangedError(
            f"bronze.{table.name} was made with another contract than "
            f"dbt_c360/models/sources/{table.folder}.yml: {', '.join(changed)}. Rows already "
            "loaded are not converted: restore the contract, or type `make clean` and `make "
            "refresh`, which load the files that are still in landing again."
        )
    gained = [column for column in table.columns if column.name.lower() not in held]
    if gained:
        with transaction(con):
            _add_columns(con, table, gained)


def _add_columns(con: duckdb.DuckDBPyConnection, table: Table, gained: Iterable[Column]) -> None:
    """Adds the columns, and makes files load anew that have them and were loaded without them."""
    for column in gained:
        con.execute(
            f"alter table {bronze_name(table)} add column {quote(column.name)} {column.type}"
        )
    con.execute(
        "update bronze.load_log set checksum = null where table_name = ? and "
        "list_has_any(list_transform(unknown_columns, lambda name: lower(name)), ?)",
        [table.name, [column.name.lower() for column in gained]],
    )


def _spell_types(con: duckdb.DuckDBPyConnection, types: Iterable[str]) -> dict[str, str]:
    """Returns DuckDB's name for each type."""
    spelled = {}
    for kind in types:
        ((_, spelled[kind], *_),) = con.execute(f"describe select cast(null as {kind})").fetchall()
    return spelled


def bronze_name(table: Table) -> str:
    return f"bronze.{quote(table.name)}"
