"""Checks that files arrived, that every record is accounted for, and which columns were unexpected.

Rejected rows and refused files warn. Lost rows fail; the load itself was undone before that.
"""

from collections.abc import Iterator

import dagster as dg
import duckdb

from c360_dagster.layers import BRONZE
from c360_dagster.loading.load_log import HELD_LOADS, TableLoad
from c360_dagster.sql import fetch_row, quote
from c360_dagster.words import count
from landing_contract import Table

DESCRIPTIONS = {
    "load_accounting": (
        "Every record of every file is loaded. One that is listed in bronze.rejected_rows warns; "
        "one that is missing without a word fails."
    ),
    "arrival": (
        "The table has at least one file in landing, none was refused, and no name holds a day "
        "that cannot be read."
    ),
    "unknown_columns": "The files have the declared columns and no others.",
}


def specify_load_checks(table: Table) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            name=name,
            asset=[BRONZE.name, table.name],
            description=description,
            blocking=name == "load_accounting",
        )
        for name, description in DESCRIPTIONS.items()
    ]


def check_load(
    con: duckdb.DuckDBPyConnection, table: Table, load: TableLoad
) -> Iterator[dg.AssetCheckResult]:
    yield _check_accounting(con, table)
    yield _check_arrival(table, load)
    yield _check_columns(table, load)


def _check_accounting(con: duckdb.DuckDBPyConnection, table: Table) -> dg.AssetCheckResult:
    """Counts bronze and the rejects anew, and compares them with the log of the current loads."""
    read, loaded, rejected, cells, empty, rounded = fetch_row(
        con,
        f"""
        select
            coalesce(sum(rows_read), 0), coalesce(sum(rows_loaded), 0),
            coalesce(sum(rows_rejected), 0), coalesce(sum(cells_unreadable), 0),
            coalesce(sum(empty_essential_cells), 0), coalesce(sum(cells_rounded), 0)
        from {HELD_LOADS}
        where table_name = ?
        """,
        [table.name],
    ) or (0, 0, 0, 0, 0, 0)
    present, listed = fetch_row(
        con,
        f"select (select count(*) from {BRONZE.name}.{quote(table.name)}), "
        "(select count(*) from bronze.rejected_rows where \"table\" = ? and kind = 'row')",
        [table.name],
    ) or (0, 0)
    is_whole = read == loaded + rejected and loaded == present and rejected == listed
    severity = dg.AssetCheckSeverity.WARN if is_whole else dg.AssetCheckSeverity.ERROR
    return dg.AssetCheckResult(
        asset_key=[BRONZE.name, table.name],
        check_name="load_accounting",
        passed=is_whole and rejected == 0,
        severity=severity,
        description=(
            f"{read:,} read = {loaded:,} loaded + {rejected:,} rejected"
            if is_whole
            else f"{read:,} read, but {present:,} in bronze and {listed:,} listed as rejected"
        ),
        metadata={
            "rows_read": read,
            "rows_loaded": loaded,
            "rows_rejected": rejected,
            "cells_unreadable": cells,
            "empty_essential_cells": empty,
            "cells_rounded": rounded,
            "look_at": f"select * from bronze.rejected_rows where \"table\" = '{table.name}'",
        },
    )


def _check_arrival(table: Table, load: TableLoad) -> dg.AssetCheckResult:
    refused = load.having("refused")
    if not load.files and table.is_optional:
        problem = ""
    elif not load.files:
        problem = (
            f"no file of {table.name} lies in landing/{table.folder}: the table is empty or old"
        )
    else:
        # A repeated file is no mistake. The message of a loaded file asks an open question.
        asked = [file for file in load.having("loaded", "unchanged") if file.message]
        problem = " ".join(str(file.message) for file in (*refused, *asked))
    return dg.AssetCheckResult(
        asset_key=[BRONZE.name, table.name],
        check_name="arrival",
        passed=not problem,
        severity=dg.AssetCheckSeverity.WARN,
        description=problem or count(len(load.files), "file"),
        metadata={"files": len(load.files), "refused": len(refused)},
    )


def _check_columns(table: Table, load: TableLoad) -> dg.AssetCheckResult:
    notes = [
        f"{file.name}: " + "; ".join(_column_notes(file.unknown_columns, file.missing_columns))
        for file in load.having("loaded")
        if file.unknown_columns or file.missing_columns
    ]
    return dg.AssetCheckResult(
        asset_key=[BRONZE.name, table.name],
        check_name="unknown_columns",
        passed=not notes,
        severity=dg.AssetCheckSeverity.WARN,
        description=" ".join(notes) or "as declared",
    )


def _column_notes(unknown: tuple[str, ...], missing: tuple[str, ...]) -> Iterator[str]:
    if unknown:
        yield f"{', '.join(unknown)} not declared and left out"
    if missing:
        yield f"{', '.join(missing)} absent and null"
