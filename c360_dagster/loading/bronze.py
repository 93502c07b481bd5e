"""Loads landing files into bronze: each content once, each file in one transaction, nothing lost.

The contract says which cells may be unreadable; the neighbouring modules read the text.
"""

import csv
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from c360_dagster.loading.content import (
    Fingerprint,
    refuse_other_formats,
    survey_text,
    take_fingerprint,
    take_stamp,
    unpack,
)
from c360_dagster.loading.csv_text import LostRowsError, Reading, read_text
from c360_dagster.loading.files import (
    FileRefusedError,
    LandingFile,
    find_files,
    refuse_odd_name,
)
from c360_dagster.loading.load_log import (
    HELD_LOADS,
    Attempt,
    FileLoad,
    LoadRun,
    TableLoad,
    log_once,
    write_log,
)
from c360_dagster.loading.stamps import keep_stamps, read_filesystem_time, read_stamps
from c360_dagster.loading.workbook import read_parquet, read_workbook
from c360_dagster.loading.writing import clear_file, drop_temporary, write_file
from c360_dagster.sql import transaction
from landing_contract import Table

Content = tuple[str, date | None]
"""A file's checksum and the day in its name; two files that agree in both count as one."""
SIDE_BY_SIDE, LARGE = 2, 32 << 20
"""How many tables are loaded at the same time, and the size in bytes from which one table keeps
all threads busy."""


def load_tables(
    con: duckdb.DuckDBPyConnection, landing: Path, tables: Iterable[Table], run: LoadRun
) -> Iterator[TableLoad]:
    """Loads each large table alone, with all threads, then the others side by side."""
    tables = list(tables)
    large = [table for table in tables if _sum_sizes(landing, table) >= LARGE]
    for table in large:
        yield load_table(con, landing, table, run)

    def load_beside(table: Table) -> TableLoad:
        with con.cursor() as cursor:
            return load_table(cursor, landing, table, replace(run, is_alone=False))

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield from pool.map(load_beside, [table for table in tables if table not in large])


def _sum_sizes(landing: Path, table: Table) -> int:
    return sum(file.size for file in find_files(landing, table))


def load_table(
    con: duckdb.DuckDBPyConnection, landing: Path, table: Table, run: LoadRun
) -> TableLoad:
    """Loads the table's new and changed files; returns what became of every file."""
    loads, pending = [], []
    (current, questions), refused = _read_held(con, table), _find_refused(con, table)
    known, moment = read_stamps(con, table.name), read_filesystem_time(run.scratch)
    new_fingerprints: dict[str, Fingerprint] = {}
    for file in find_files(landing, table):
        try:
            refuse_odd_name(file)
            fingerprint = take_fingerprint(file.path, known.get(file.name))
            attempt = Attempt(file, fingerprint, run, run.clock())
        except FileRefusedError as refusal:
            loads.append(_refuse(con, Attempt(file, None, run, run.clock()), str(refusal)))
            continue
        if fingerprint != known.get(file.name):
            new_fingerprints[file.name] = fingerprint
        if current.get(file.name) == _content(attempt):
            asked, was_refused = questions.get(file.name), file.name in refused
            loads.append(_note_unchanged(con, attempt, asked, was_refused=was_refused))
        else:
            pending.append(attempt)
    loads += _load_pending(con, pending, current)
    keep_stamps(con, table.name, new_fingerprints, moment)
    return TableLoad(table.name, sorted(loads, key=lambda load: load.name))


def _load_pending(
    con: duckdb.DuckDBPyConnection, pending: Iterable[Attempt], current: dict[str, Content]
) -> Iterable[FileLoad]:
    """Loads files whose content bronze does not hold under another name; notes the others as
    repetitions.

    If a file's twin (a file with the same content) is itself waiting to be loaded, the file waits
    for the twin, which may hold something else by then. If files wait for each other because their
    contents have changed places, one of them gives up its rows first.
    """
    # Files that bronze holds come first, because others may repeat their new content.
    waiting = sorted(pending, key=lambda attempt: attempt.file.name not in current)
    loads: dict[str, FileLoad] = {}
    turns = 0
    while waiting:
        attempt = waiting.pop(0)
        name = attempt.file.name
        twin, is_final = _find_twin(current, attempt, {other.file.name for other in waiting})
        if twin and not is_final and (turns < len(waiting) or name not in current):
            waiting.append(attempt)
            turns += 1
            continue
        turns = 0
        loads[name] = _note_repetition(con, attempt, twin) if twin else _load_file(con, attempt)
        if loads[name].status == "loaded":
            current[name] = _content(attempt)
        elif loads[name].status == "repeated":
            current.pop(name, None)
        if twin and not is_final:
            waiting.append(attempt)
    return loads.values()


def _find_twin(
    current: Mapping[str, Content], attempt: Attempt, pending_names: AbstractSet[str]
) -> tuple[str | None, bool]:
    """Returns another file whose rows bronze holds and that has the same content, or None.

    The second value says whether bronze will go on holding the twin's rows.
    """
    twins = [
        name
        for name, held in current.items()
        if held == _content(attempt) and name != attempt.file.name
    ]
    twin = min(twins, key=lambda name: name in pending_names, default=None)
    return twin, twin not in pending_names


def _content(attempt: Attempt) -> Content:
    return attempt.fingerprint.checksum if attempt.fingerprint else "", attempt.file.known_at


def _read_held(
    con: duckdb.DuckDBPyConnection, table: Table
) -> tuple[dict[str, Content], dict[str, str]]:
    """Returns two dicts by path: the content that bronze holds, and the question asked about it."""
    rows = con.execute(
        f"select path, checksum, known_at, message from {HELD_LOADS} "
        "where table_name = ? order by path",
        [table.name],
    ).fetchall()
    contents = {path: (checksum, known_at) for path, checksum, known_at, _ in rows}
    return contents, {path: message for path, *_, message in rows if message}


def _find_refused(con: duckdb.DuckDBPyConnection, table: Table) -> set[str]:
    """Returns the files that were refused according to their last row in the log."""
    rows = con.execute(
        "select path from bronze.load_log where table_name = ? "
        "group by path having arg_max(status, rowid) = 'refused'",
        [table.name],
    ).fetchall()
    return {path for (path,) in rows}


def _load_file(con: duckdb.DuckDBPyConnection, attempt: Attempt) -> FileLoad:
    attempt.run.scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="load_", dir=attempt.run.scratch))
    try:
        reading = _read_file(con, attempt.file, folder)
        _refuse_replaced(attempt)
        return write_file(con, attempt, reading)
    except FileRefusedError as refusal:
        return _refuse(con, attempt, str(refusal))
    except (duckdb.InvalidInputException, duckdb.ConversionException, csv.Error) as problem:
        first, *_ = str(problem).splitlines()
        reason = f"the reader cannot read it ({first.rstrip('.')}): export it again, as plain CSV"
        return _refuse(con, attempt, reason)
    except LostRowsError as problem:
        raise LostRowsError(
            f"{attempt.file.name}: {problem}: nothing of the file was kept; please report this "
            "file's shape"
        ) from None
    finally:
        drop_temporary(con)
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


def _refuse(con: duckdb.DuckDBPyConnection, attempt: Attempt, reason: str) -> FileLoad:
    name = attempt.file.name
    return log_once(con, attempt, FileLoad(name, "refused", f"{name}: {reason}."))


def _note_repetition(con: duckdb.DuckDBPyConnection, attempt: Attempt, twin: str) -> FileLoad:
    """Logs that the file repeats its twin, and deletes the rows of the file's earlier content."""
    name = attempt.file.name
    message = f"{name}: the same content as {twin}, loaded once."
    with transaction(con):
        clear_file(con, attempt.file)
        return log_once(con, attempt, FileLoad(name, "repeated", message))


def _note_unchanged(
    con: duckdb.DuckDBPyConnection, attempt: Attempt, question: str | None, *, was_refused: bool
) -> FileLoad:
    """Logs nothing, unless the file was refused the last time.

    The question that its load left open is asked again in every run while the file is in landing.
    """
    name = attempt.file.name
    if was_refused:
        write_log(
            con, attempt, FileLoad(name, "restored", f"{name}: as it was before, and loaded.")
        )
    return FileLoad(name, "unchanged", question)
