"""Writes one file's rows, its rejects and its row in the log to bronze, in one transaction.

If a record is neither loaded nor rejected, the load is undone.
"""

from collections.abc import Iterator
from contextlib import nullcontext

import duckdb

from c360_dagster.loading import casting
from c360_dagster.loading.columns import simplify, simplify_cell
from c360_dagster.loading.csv_text import LostRowsError, Reading
from c360_dagster.loading.files import LandingFile
from c360_dagster.loading.load_log import Attempt, FileLoad, write_log
from c360_dagster.loading.questions import question
from c360_dagster.loading.schema import bronze_name
from c360_dagster.sql import (
    fetch_count,
    fetch_row,
    in_any_order,
    literal,
    quote,
    transaction,
)
from landing_contract import PROVENANCE, Column, Table

HEADER_AGAIN = "the header is repeated here"


def write_file(con: duckdb.DuckDBPyConnection, attempt: Attempt, reading: Reading) -> FileLoad:
    """Replaces the file's rows by those just read, and accounts for every record."""
    file, run = attempt.file, attempt.run
    if reading.has_texts:
        _examine_texts(con, file.table, reading)
    columns = ", ".join(quote(name) for name in (*file.table.column_names, *PROVENANCE))
    cells = ", ".join(quote(name) for name in file.table.column_names)
    known_at = f"date '{file.known_at}'" if file.known_at else "cast(null as date)"
    loaded_at = f"timestamp '{attempt.started_at}'"
    with in_any_order(con) if run.is_alone else nullcontext(), transaction(con):
        clear_file(con, file)
        for rows in _row_sources(con, file.table, reading):
            con.execute(
                f"insert into {bronze_name(file.table)} ({columns}) select {cells}, "
                f"{literal(file.name)}, _row, {known_at}, {loaded_at}, {literal(run.run_id)} "
                f"from {rows}"
            )
        _write_rejects(con, file, reading, run.run_id)
        load = _account(con, file, reading)
        write_log(con, attempt, load)
    return load


def clear_file(con: duckdb.DuckDBPyConnection, file: LandingFile) -> None:
    """Deletes the rows and rejects of the file's earlier content."""
    con.execute(f"delete from {bronze_name(file.table)} where _file = ?", [file.name])
    con.execute("delete from bronze.rejected_rows where path = ?", [file.name])


def _row_sources(con: duckdb.DuckDBPyConnection, table: Table, reading: Reading) -> Iterator[str]:
    """Yields the relations whose rows go to bronze: those staged, and those of the second look."""
    if reading.is_staged:
        yield _select_staged(con, table, reading)
    if reading.has_texts:
        yield "(select *, record as _row from examined where not is_rejected order by record)"


def _select_staged(con: duckdb.DuckDBPyConnection, table: Table, reading: Reading) -> str:
    present = {column.name for column in reading.layout.declared}
    values = ", ".join(
        f"{_staged_value(column, reading) if column.name in present else 'null'} "
        f"as {quote(column.name)}"
        for column in table.columns
    )
    if fetch_count(con, "select count(*) from shifts") == 0:
        return f"(select {values}, rowid + 1 as _row from staged)"
    return (
        f"(select {values}, rows.place + 1 + coalesce(shifts.skipped, 0) as _row "
        "from (select *, rowid as place from staged) as rows "
        "asof left join shifts on rows.place >= shifts.first_row)"
    )


def _staged_value(column: Column, reading: Reading) -> str:
    return casting.cast_reader_value(column, as_text=column.name in reading.as_text)


def _examine_texts(con: duckdb.DuckDBPyConnection, table: Table, reading: Reading) -> None:
    """Fills `examined` with the rows of `texts`, cast, and the errors of cells that failed.

    Errors that reject the row are listed before errors that only leave a cell empty.
    """
    declared = reading.layout.declared
    present = {column.name for column in declared}
    values, causes, failures, fatal, rounded = [], [], [], [], ["0"]
    repeated = " and ".join(
        f"{simplify_cell(f'texts.{quote(column.name)}')} = {literal(simplify(column.name))}"
        for column in declared
    )
    for column in table.columns:
        if column.name not in present:
            values.append(f"cast(null as {column.type}) as {quote(column.name)}")
            continue
        text = f"texts.{quote(column.name)}"
        value = casting.cast_text(column, text, reading.errors)
        values.append(f"cast({value} as {column.type}) as {quote(column.name)}")
        if condition := casting.is_text_rounded(column, text):
            rounded.append(f"coalesce(cast({condition} as integer), 0)")
        reasons = []
        if casting.kind_of(column) != "varchar" or reading.errors:
            failed = f"(nullif(trim({text}), '') is not null and ({value}) is null)"
            reasons.append((failed, casting.describe_failure(column, text)))
        if column.name in table.key:
            empty = f"(nullif(trim({text}), '') is null)"
            reasons.append((empty, "'the key is empty'"))
        for condition, reason in reasons:
            failure = (
                f"case when {condition} then "
                f'struct_pack("column" := {literal(column.name)}, reason := {reason}) end'
            )
            if column.name in table.essential:
                causes.append(failure)
                fatal.append(condition)
            else:
                failures.append(failure)
    failures = [*causes, *failures]
    repetition = f'struct_pack("column" := null::varchar, reason := {literal(HEADER_AGAIN)})'
    con.execute(
        f"""
        create or replace temporary table examined as
        select
            record, line, raw, {", ".join(values)},
            case when {repeated} then [{repetition}] else
                list_filter([{", ".join(failures)}], lambda failure: failure is not null)
            end as errors,
            {" or ".join([*fatal, f"coalesce({repeated}, false)"])} as is_rejected,
            {" + ".join(rounded)} as rounded
        from texts
        """
    )


def _write_rejects(
    con: duckdb.DuckDBPyConnection, file: LandingFile, reading: Reading, run_id: str
) -> None:
    listed = []
    if reading.has_texts:
        listed.append(
            "select line, if(is_rejected, 'row', 'cell') as kind, errors, raw "
            "from examined where len(errors) > 0"
        )
    if reading.is_staged:
        listed.append(
            "select line, 'row' as kind, "
            '[struct_pack("column" := null::varchar, reason := reason)] as errors, raw '
            "from doubtful where is_broken"
        )
    con.execute(
        f"""
        insert into bronze.rejected_rows
        select ?, line, ?, kind, errors, raw, ?
        from ({" union all ".join(listed)})
        order by line
        """,
        [file.name, file.table.name, run_id],
    )


def _account(con: duckdb.DuckDBPyConnection, file: LandingFile, reading: Reading) -> FileLoad:
    """Counts loaded and rejected records; raises LostRowsError, which undoes the load, if the
    counts do not add up."""
    table = file.table
    empties = " + ".join(
        f"count(*) - count({quote(name)})" for name in sorted(table.essential - set(table.key))
    )
    loaded, empty = fetch_row(
        con,
        f"select count(*), {empties or '0'} from {bronze_name(table)} where _file = ?",
        [file.name],
    ) or (0, 0)
    rejected, cells = fetch_row(
        con,
        "select count(*) filter (kind = 'row'), coalesce(sum(len(errors)) "
        "filter (kind = 'cell'), 0) from bronze.rejected_rows where path = ?",
        [file.name],
    ) or (0, 0)
    if reading.records != loaded + rejected:
        raise LostRowsError(
            f"{reading.records} records were counted, {loaded} loaded and {rejected} rejected"
        )
    rounded = reading.rounded
    if reading.has_texts:
        rounded += fetch_count(con, "select sum(rounded) from examined where not is_rejected")
    return FileLoad(
        name=file.name,
        status="loaded",
        message=question(file, reading.records) if loaded else None,
        rows_read=reading.records,
        rows_loaded=loaded,
        rows_rejected=rejected,
        cells_unreadable=cells,
        cells_rounded=rounded,
        empty_essential_cells=empty,
        unknown_columns=reading.layout.unknown,
        missing_columns=reading.layout.missing,
    )


def drop_temporary(con: duckdb.DuckDBPyConnection) -> None:
    for name in ("staged", "doubtful", "shifts", "unsound", "cells", "texts", "examined"):
        con.execute(f"drop table if exists temp.{name}")
    for name in ("reject_errors", "reject_scans"):
        con.execute(f"drop table if exists {name}")
