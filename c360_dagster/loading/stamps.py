"""Fingerprints of files at rest, kept so that what nobody has touched is not read each day again.

A file is the same as before where size, time and number in the file system are. One that was
written within the last seconds is read again the next time: a second version could have the time
of the first.
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
"""Two seconds: as coarse as the times of any file system are."""


def create_stamps(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        f"create table if not exists {STAMPS} (table_name varchar, path varchar, size bigint, "
        "checksum varchar, modified_ns bigint, inode ubigint)"
    )


def read_stamps(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, Fingerprint]:
    """By path, what was found when each of the table's files was read last."""
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
    news: Mapping[str, Fingerprint],
    moment_ns: int,
) -> None:
    """Of files that were at rest at that moment, before they were read."""
    if not news:
        return
    resting = [
        (path, each.size, each.checksum, each.stamp.modified_ns, each.stamp.inode)
        for path, each in news.items()
        if each.stamp.modified_ns + AT_REST_NS <= moment_ns
    ]
    with transaction(con):
        con.execute(f"delete from {STAMPS} where path in (select unnest(?))", [list(news)])
        if resting:
            con.execute(
                f"insert into {STAMPS} select ?, unnest(?), unnest(?), unnest(?), unnest(?), "
                "unnest(?)",
                [table, *map(list, zip(*resting, strict=True))],
            )


def read_moment(folder: Path) -> int:
    """The time that the file system gives to what is written now, in nanoseconds."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime_ns
