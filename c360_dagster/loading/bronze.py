"""Loads landing files into bronze: each content once, each file in one transaction, nothing lost.

Which cells may be unreadable is the contract's word; how text is read stands in the neighbours.
"""

import csv
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from c360_dagster.loading import casting
from c360_dagster.loading.columns import Layout
from c360_dagster.loading.csv_text import LostRowsError, Reading, read_text
from c360_dagster.loading.files import (
    FileRefusedError,
    Fingerprint,
    LandingFile,
    find_files,
    question_day,
    refuse_other_formats,
    survey_text,
    take_fingerprint,
    take_stamp,
    unpack,
)
from c360_dagster.loading.load_log import (
    HELD_LOADS,
    Attempt,
    FileLoad,
    LoadRun,
    TableLoad,
    create_log,
    log_once,
    write_log,
)
from c360_dagster.loading.sql import (
    fetch_count,
    fetch_row,
    in_any_order,
    literal,
    quote,
    transaction,
)
from c360_dagster.loading.stamps import create_stamps, keep_stamps, read_moment, read_stamps
from c360_dagster.loading.workbook import read_parquet, read_workbook
from landing_contract import Column, Table

PROVENANCE = {
    "_file": "varchar",
    "_row": "bigint",
    "_known_at": "date",
    "_loaded_at": "timestamp",
    "_run_id": "varchar",
}
"""What bronze adds to the contract's columns: where a row comes from, since when it is known."""
Content = tuple[str, date | None]
"""What makes two files one: the checksum of what they hold, and the day that their names carry."""
HEADER_AGAIN = "the header stands here once more"
SIDE_BY_SIDE, LARGE = 2, 32 << 20
"""How many tables are loaded at a time, and from how many bytes on one keeps all threads busy."""


class ContractChangedError(Exception):
    """Bronze holds a table that its contract no longer describes; the message says what to do."""


def create_bronze(con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> None:
    """Creates what is missing of the bronze schema, so that every table can be read, if empty."""
    con.execute("create schema if not exists bronze")
    create_log(con)
    for table in tables:
        columns = [f"{quote(column.name)} {column.type}" for column in table.columns]
        columns += [f"{name} {kind}" for name, kind in PROVENANCE.items()]
        con.execute(f"create table if not exists {_bronze(table)} ({', '.join(columns)})")
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
    held = _describe(con, f"select * from {_bronze(table)}")
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
        con.execute(f"alter table {_bronze(table)} add column {quote(column.name)} {column.type}")
    con.execute(
        "update bronze.load_log set checksum = null where table_name = ? and "
        "list_has_any(list_transform(unknown_columns, lambda name: lower(name)), ?)",
        [table.name, [column.name.lower() for column in gained]],
    )


def _describe(con: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """Names, in small letters as DuckDB compares them, and types of what a query returns."""
    return {name.lower(): kind for name, kind, *_ in con.execute(f"describe {query}").fetchall()}


def load_tables(
    con: duckdb.DuckDBPyConnection, landing: Path, tables: Iterable[Table], run: LoadRun
) -> Iterator[TableLoad]:
    """Each large table with every processor, then the others side by side."""
    tables = list(tables)
    large = [table for table in tables if _weigh(landing, table) >= LARGE]
    for table in large:
        yield load_table(con, landing, table, run)

    def load_beside(table: Table) -> TableLoad:
        with con.cursor() as cursor:
            return load_table(cursor, landing, table, replace(run, is_alone=False))

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield from pool.map(load_beside, [table for table in tables if table not in large])


def _weigh(landing: Path, table: Table) -> int:
    size = 0
    for file in find_files(landing, table):
        with suppress(OSError):  # a link to nowhere is refused when it is its turn
            size += file.path.stat().st_size
    return size


def load_table(
    con: duckdb.DuckDBPyConnection, landing: Path, table: Table, run: LoadRun
) -> TableLoad:
    """Loads the table's new and changed files; says of every file what became of it."""
    loads, pending = [], []
    current = _current_contents(con, table)
    known, moment = read_stamps(con, table.name), read_moment(run.scratch)
    news: dict[str, Fingerprint] = {}
    for file in find_files(landing, table):
        try:
            fingerprint = take_fingerprint(file.path, known.get(file.name))
            attempt = Attempt(file, fingerprint, run, run.clock())
        except FileRefusedError as refusal:
            loads.append(_refuse(con, Attempt(file, None, run, run.clock()), str(refusal)))
            continue
        if fingerprint != known.get(file.name):
            news[file.name] = fingerprint
        if current.get(file.name) == _content(attempt):
            loads.append(_note_unchanged(con, attempt))
        else:
            pending.append(attempt)
    loads += _settle(con, pending, current)
    keep_stamps(con, table.name, news, moment)
    return TableLoad(table.name, sorted(loads, key=lambda load: load.name))


def _settle(
    con: duckdb.DuckDBPyConnection, pending: Iterable[Attempt], current: dict[str, Content]
) -> Iterable[FileLoad]:
    """Loads what bronze holds under no other name; the rest are repetitions.

    A file waits for a twin that has news, too, for by then the twin may hold something else. Where
    files wait for each other, their contents having changed places, one gives its rows up first.
    """
    # Files that bronze holds come first: their new content may be what others repeat.
    waiting = sorted(pending, key=lambda attempt: attempt.file.name not in current)
    loads: dict[str, FileLoad] = {}
    turns = 0
    while waiting:
        attempt = waiting.pop(0)
        name = attempt.file.name
        twin, is_settled = _find_twin(current, attempt, {other.file.name for other in waiting})
        if twin and not is_settled and (turns < len(waiting) or name not in current):
            waiting.append(attempt)
            turns += 1
            continue
        turns = 0
        loads[name] = _note_repetition(con, attempt, twin) if twin else _load_file(con, attempt)
        if loads[name].status == "loaded":
            current[name] = _content(attempt)
        elif loads[name].status == "repeated":
            current.pop(name, None)
        if twin and not is_settled:
            waiting.append(attempt)
    return loads.values()


def _find_twin(
    current: Mapping[str, Content], attempt: Attempt, unsettled: AbstractSet[str]
) -> tuple[str | None, bool]:
    """Another file of the same content whose rows bronze holds, and whether that will stay so."""
    twins = [
        name
        for name, held in current.items()
        if held == _content(attempt) and name != attempt.file.name
    ]
    twin = min(twins, key=lambda name: name in unsettled, default=None)
    return twin, twin not in unsettled


def _content(attempt: Attempt) -> Content:
    return attempt.fingerprint.checksum if attempt.fingerprint else "", attempt.file.known_at


def _current_contents(con: duckdb.DuckDBPyConnection, table: Table) -> dict[str, Content]:
    """By path, the content whose rows bronze holds now."""
    rows = con.execute(
        f"select path, checksum, known_at from {HELD_LOADS} where table_name = ? order by path",
        [table.name],
    ).fetchall()
    return {path: (checksum, known_at) for path, checksum, known_at in rows}


def _load_file(con: duckdb.DuckDBPyConnection, attempt: Attempt) -> FileLoad:
    attempt.run.scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="load_", dir=attempt.run.scratch))
    try:
        reading = _read_file(con, attempt.file, folder)
        _refuse_replaced(attempt)
        return _write_file(con, attempt, reading)
    except FileRefusedError as refusal:
        return _refuse(con, attempt, str(refusal))
    except (duckdb.InvalidInputException, duckdb.ConversionException, csv.Error) as problem:
        first, *_ = str(problem).splitlines()
        reason = f"the reader gives it up ({first.rstrip('.')}): export it again, as plain CSV"
        return _refuse(con, attempt, reason)
    finally:
        _drop_temporary(con)
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_replaced(attempt: Attempt) -> None:
    if attempt.fingerprint and take_stamp(attempt.file.path) != attempt.fingerprint.stamp:
        raise FileRefusedError(
            "it was replaced while it was read: it loads with the next run, "
            "once whoever writes it has finished"
        )


def _read_file(con: duckdb.DuckDBPyConnection, file: LandingFile, folder: Path) -> Reading:
    """Fills `texts`, and for CSV also `staged`, `doubtful` and `shifts`."""
    if file.suffix == ".xlsx":
        return read_workbook(con, file.path, file.table)
    if file.suffix == ".parquet":
        return read_parquet(con, file.path, file.table)
    is_packed = file.suffix == ".csv.gz"
    path = unpack(file.path, folder / "unpacked.csv") if is_packed else file.path
    refuse_other_formats(path, file)
    shape = survey_text(path)
    if shape.encoding_problem:
        raise FileRefusedError(
            f"it is written in {shape.encoding_problem}, not UTF-8: save it as 'CSV UTF-8', or "
            f"convert it with iconv -f {shape.encoding_problem.split(' ')[0]} -t UTF-8"
        )
    return read_text(con, path, shape, file.table, folder)


def _write_file(con: duckdb.DuckDBPyConnection, attempt: Attempt, reading: Reading) -> FileLoad:
    """Replaces the file's rows by those just read, and accounts for every record."""
    file, run = attempt.file, attempt.run
    _examine_texts(con, file.table, reading.layout)
    columns = ", ".join(quote(name) for name in (*file.table.column_names, *PROVENANCE))
    cells = ", ".join(quote(name) for name in file.table.column_names)
    known_at = f"date '{file.known_at}'" if file.known_at else "cast(null as date)"
    loaded_at = f"timestamp '{attempt.started_at}'"
    with in_any_order(con) if run.is_alone else nullcontext(), transaction(con):
        _clear_file(con, file)
        for rows in _row_sources(con, file.table, reading):
            con.execute(
                f"insert into {_bronze(file.table)} ({columns}) select {cells}, "
                f"{literal(file.name)}, _row, {known_at}, {loaded_at}, {literal(run.run_id)} "
                f"from {rows}"
            )
        _write_rejects(con, file, run.run_id)
        load = _account(con, file, reading)
        write_log(con, attempt, load)
    return load


def _clear_file(con: duckdb.DuckDBPyConnection, file: LandingFile) -> None:
    """Takes the rows and rejects of the file's earlier content out."""
    con.execute(f"delete from {_bronze(file.table)} where _file = ?", [file.name])
    con.execute("delete from bronze.rejected_rows where path = ?", [file.name])


def _row_sources(con: duckdb.DuckDBPyConnection, table: Table, reading: Reading) -> list[str]:
    """The relations whose rows go to bronze: those read at once, and those read at second look."""
    sources = ["(select *, record as _row from examined where not is_rejected order by record)"]
    if not _exists(con, "staged"):
        return sources
    present = {column.name for column in reading.layout.declared}
    values = ", ".join(
        f"{_staged_value(column, reading) if column.name in present else 'null'} "
        f"as {quote(column.name)}"
        for column in table.columns
    )
    if fetch_count(con, "select count(*) from shifts") == 0:
        return [f"(select {values}, rowid + 1 as _row from staged)", *sources]
    numbered = (
        f"(select {values}, rows.place + 1 + coalesce(shifts.skipped, 0) as _row "
        "from (select *, rowid as place from staged) as rows "
        "asof left join shifts on rows.place >= shifts.first_row)"
    )
    return [numbered, *sources]


def _staged_value(column: Column, reading: Reading) -> str:
    return casting.cast_read(column, as_text=column.name in reading.as_text)


def _examine_texts(con: duckdb.DuckDBPyConnection, table: Table, layout: Layout) -> None:
    """`examined`: every text row cast, with the cells that could not be and what that means."""
    present = {column.name for column in layout.declared}
    values, failures, fatal, rounded = [], [], [], ["0"]
    repeated = " and ".join(
        f"lower(trim(texts.{quote(column.name)})) = {literal(column.name.lower())}"
        for column in layout.declared
    )
    for column in table.columns:
        if column.name not in present:
            values.append(f"cast(null as {column.type}) as {quote(column.name)}")
            continue
        text = f"texts.{quote(column.name)}"
        value = casting.cast_text(column, text)
        values.append(f"cast({value} as {column.type}) as {quote(column.name)}")
        if condition := casting.is_text_rounded(column, text):
            rounded.append(f"coalesce(cast({condition} as integer), 0)")
        reasons = []
        if casting.kind_of(column) != "varchar":
            failed = f"(nullif(trim({text}), '') is not null and ({value}) is null)"
            reasons.append((failed, casting.describe_failure(column, text)))
        if column.name in table.key:
            empty = f"(nullif(trim({text}), '') is null)"
            reasons.append((empty, "'the key is empty'"))
        for condition, reason in reasons:
            failures.append(
                f"case when {condition} then "
                f'struct_pack("column" := {literal(column.name)}, reason := {reason}) end'
            )
            if column.name in table.essential:
                fatal.append(condition)
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


def _write_rejects(con: duckdb.DuckDBPyConnection, file: LandingFile, run_id: str) -> None:
    listed = [
        (
            "select line, if(is_rejected, 'row', 'cell') as kind, errors, raw "
            "from examined where len(errors) > 0"
        )
    ]
    if _exists(con, "doubtful"):
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
    """Counts what came of the records; any that is in neither place undoes the load."""
    table = file.table
    empties = " + ".join(
        f"count(*) - count({quote(name)})" for name in sorted(table.essential - set(table.key))
    )
    loaded, empty = fetch_row(
        con,
        f"select count(*), {empties or '0'} from {_bronze(table)} where _file = ?",
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
            f"{file.name}: {reading.records} records were counted, {loaded} loaded and {rejected} "
            "rejected: nothing of the file was kept; please report this file's shape"
        )
    return FileLoad(
        name=file.name,
        status="loaded",
        message=question_day(file),
        rows_read=reading.records,
        rows_loaded=loaded,
        rows_rejected=rejected,
        cells_unreadable=cells,
        cells_rounded=reading.rounded
        + fetch_count(con, "select sum(rounded) from examined where not is_rejected"),
        empty_essential_cells=empty,
        unknown_columns=reading.layout.unknown,
        missing_columns=reading.layout.missing,
    )


def _refuse(con: duckdb.DuckDBPyConnection, attempt: Attempt, reason: str) -> FileLoad:
    name = attempt.file.name
    return log_once(con, attempt, FileLoad(name, "refused", f"{name}: {reason}."))


def _note_repetition(con: duckdb.DuckDBPyConnection, attempt: Attempt, twin: str) -> FileLoad:
    """The file's rows are its twin's; those that an earlier content of it left behind go."""
    name = attempt.file.name
    message = f"{name}: the same content as {twin}, loaded once."
    with transaction(con):
        _clear_file(con, attempt.file)
        return log_once(con, attempt, FileLoad(name, "repeated", message))


def _note_unchanged(con: duckdb.DuckDBPyConnection, attempt: Attempt) -> FileLoad:
    """Logs nothing, unless the last word about the file was that it could not be loaded."""
    name = attempt.file.name
    query = "select status from bronze.load_log where path = ? order by rowid desc limit 1"
    if fetch_row(con, query, [name]) == ("refused",):
        write_log(con, attempt, FileLoad(name, "restored", f"{name}: as it was, and loaded."))
    return FileLoad(name, "unchanged", question_day(attempt.file))


def _drop_temporary(con: duckdb.DuckDBPyConnection) -> None:
    for name in ("staged", "doubtful", "shifts", "unsound", "cells", "texts", "examined"):
        con.execute(f"drop table if exists temp.{name}")
    for name in ("reject_errors", "reject_scans"):
        con.execute(f"drop table if exists {name}")


def _bronze(table: Table) -> str:
    return f"bronze.{quote(table.name)}"


def _exists(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    query = "select count(*) from duckdb_tables() where temporary and table_name = ?"
    return fetch_count(con, query, [name]) == 1
