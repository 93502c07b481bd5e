"""Keeps the fingerprints of files at rest, so that unchanged files are not read again each day.

A file counts as unchanged if its size, time and number in the file system (inode) are the same. A
file written within the last seconds is read again the next time, because a second version of it
could have the same time as the first.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import duckdb

from c360_dagster.loading.content import Fingerprint, Stamp
from c360_dagster.sql import transaction

STAMPS = "bronze.file_stamps"
AT_REST_NS = 2_000_000_000
"""Two seconds: no file system's times are coarser."""


def create_stamps(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"create table if not exists {STAMPS} (table_name varchar, path varchar, size bigint, "
        "checksum varchar, modified_ns bigint, inode ubigint)"
    )


def read_stamps(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, Fingerprint]:
    """By path, the fingerprint that each of the table's files had when it was last read."""
    rows = con.execute(
        f"select path, size, checksum, modified_ns, inode from {STAMPS} where table_name = ?",
        [table],
    ).fetchall()
    return {
        path: Fingerprint(size, checksum, Stamp(modified, size, inode))
        for path, size, checksum, modified, inode in rows
    }


def keep_stamps(
    con: duckdb.DuckDBPyConnection,
    table: str,
    fingerprints: Mapping[str, Fingerprint],
    moment_ns: int,
) -> None:
    """Replaces the files' fingerprints, but keeps those of files at rest only.

    A file is at rest if it was already two seconds old at `moment_ns`, before it was read.
    """
    if not fingerprints:
        return
    resting = [
        (path, each.size, each.checksum, each.stamp.modified_ns, each.stamp.inode)
        for path, each in fingerprints.items()
        if each.stamp.modified_ns + AT_REST_NS <= moment_ns
    ]
    with transaction(con):
        con.execute(f"delete from {STAMPS} where path in (select unnest(?))", [list(fingerprints)])
        if resting:
            con.execute(
                f"insert into {STAMPS} select ?, unnest(?), unnest(?), unnest(?), unnest(?), "
                "unnest(?)",
                [table, *map(list, zip(*resting, strict=True))],
            )


def read_filesystem_time(folder: Path) -> int:
    """The time, in nanoseconds, that the file system gives to a file that is written now."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime_ns
