"""The log of loads in bronze: what became of every file, and how the log is read.

The last row about a file is the valid one. Rows are added and, when old, deleted; of a row that
exists only the checksum is ever changed: it is set to null so that its file loads anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from c360_dagster.loading.content import Fingerprint
from c360_dagster.loading.files import LandingFile
from c360_dagster.sql import fetch_row

LATEST = """(
    select * exclude (age)
    from (select *, row_number() over (partition by path order by rowid desc) as age from {log})
    where age = 1
)"""
LATEST_LOG_ROWS = LATEST.format(log="bronze.load_log")
"""The last row about every file."""
HELD_LOADS = "(select * from {latest} where status = 'loaded')".format(
    latest=LATEST.format(
        log="(select *, rowid from bronze.load_log where status in ('loaded', 'repeated'))"
    )
)
"""The loads whose rows bronze holds now; a file that became a copy of another has none there."""


@dataclass(frozen=True)
class LoadRun:
    """What all loads of a run share: its id, its clock and a folder for temporary files."""

    run_id: str
    clock: Callable[[], datetime]
    scratch: Path
    is_alone: bool = True
    """Whether nothing else is loaded meanwhile, so that this load may change shared settings."""


@dataclass(frozen=True)
class Attempt:
    """One file on its way into bronze; it has no fingerprint if it could not even be read."""

    file: LandingFile
    fingerprint: Fingerprint | None
    run: LoadRun
    started_at: datetime


@dataclass(frozen=True)
class FileLoad:
    """What became of one file.

    Its status is loaded, unchanged, repeated (the same rows as another file's) or refused. The log
    has no unchanged, but it has restored: the file is as it was before a refusal, and still loaded.
    """

    name: str
    status: str
    message: str | None = None
    rows_read: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
    cells_unreadable: int = 0
    cells_rounded: int = 0
    empty_essential_cells: int = 0
    unknown_columns: tuple[str, ...] = ()
    missing_columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableLoad:
    table: str
    files: list[FileLoad] = field(default_factory=list)

    def having(self, *statuses: str) -> list[FileLoad]:
        return [file for file in self.files if file.status in statuses]


def create_log(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """
        create table if not exists bronze.load_log (
            path varchar, table_name varchar, size bigint, checksum varchar, known_at date,
            status varchar, message varchar, rows_read bigint, rows_loaded bigint,
            rows_rejected bigint, cells_unreadable bigint, empty_essential_cells bigint,
            unknown_columns varchar[], missing_columns varchar[],
            started_at timestamp, finished_at timestamp, run_id varchar, cells_rounded bigint,
            timezone varchar
        )
        """
    )
    # Logs from earlier versions lack these columns.
    con.execute("alter table bronze.load_log add column if not exists cells_rounded bigint")
    con.execute("alter table bronze.load_log add column if not exists timezone varchar")


def invalidate_other_zones(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Makes files load anew that were loaded under another time zone, and returns those zones."""
    zones = con.execute(
        "update bronze.load_log set checksum = null where checksum is not null "
        "and timezone <> current_setting('TimeZone') returning timezone"
    ).fetchall()
    return sorted({zone for (zone,) in zones})


def write_log(con: duckdb.DuckDBPyConnection, attempt: Attempt, load: FileLoad) -> None:
    fingerprint = attempt.fingerprint
    con.execute(
        f"insert into bronze.load_log values ({', '.join('?' * 18)}, current_setting('TimeZone'))",
        [
            load.name,
            attempt.file.table.name,
            fingerprint.size if fingerprint else None,
            fingerprint.checksum if fingerprint else None,
            attempt.file.known_at,
            load.status,
            load.message,
            load.rows_read,
            load.rows_loaded,
            load.rows_rejected,
            load.cells_unreadable,
            load.empty_essential_cells,
            list(load.unknown_columns),
            list(load.missing_columns),
            attempt.started_at,
            attempt.run.clock(),
            attempt.run.run_id,
            load.cells_rounded,
        ],
    )


def log_once(con: duckdb.DuckDBPyConnection, attempt: Attempt, load: FileLoad) -> FileLoad:
    """Writes the log row, unless the last one about this file already says the same."""
    last = fetch_row(
        con,
        "select checksum, message from bronze.load_log where path = ? order by rowid desc limit 1",
        [load.name],
    )
    if last != (attempt.fingerprint.checksum if attempt.fingerprint else None, load.message):
        write_log(con, attempt, load)
    return load
