"""Turns errors of the file system and the database into another try or one clear sentence.

What may pass by itself is tried again, after a longer pause each time; bad data never is.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
TRANSIENT = {errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
DAMAGED = ("corrupt database file", "could not read enough bytes", "not a valid duckdb database")
STOPPED = "Query interrupted"
"""All that DuckDB says if it was interrupted; it drops the exception that interrupted it."""
STOPPED_BY = dg.DagsterExecutionInterruptedError.__name__
"""DuckDB quotes this name instead if it was interrupted while it read a Python object."""
TRIES = 3
FIRST_PAUSE_SECONDS = 2


class StorageError(Exception):
    """Raised if the disk is full or the warehouse is damaged; the message says what to do."""


@contextmanager
def guard_storage(home: Path) -> Iterator[None]:
    """Turns storage errors in the block into another try or one clear sentence."""
    try:
        yield
    except (OSError, duckdb.Error, pl.exceptions.PolarsError, RuntimeError) as problem:
        if str(problem) == STOPPED or STOPPED_BY in str(problem):
            raise dg.DagsterExecutionInterruptedError from None
        if advice := advise(str(problem), home):
            raise StorageError(f"{str(problem).rstrip('.!')}. {advice}") from problem
        retry = find_context()
        if retry and _mentions(str(problem), TRANSIENT):
            pause = FIRST_PAUSE_SECONDS * 2**retry.retry_number
            raise dg.RetryRequested(max_retries=TRIES, seconds_to_wait=pause) from problem
        raise


def advise(message: str, home: Path) -> str:
    """Says what to do about a full disk or a damaged warehouse; empty if it is neither."""
    if is_disk_full(message):
        return advise_on_full_disk(home)
    if any(sign in message.lower() for sign in DAMAGED):
        return advise_rebuild(home / "warehouse.duckdb")
    return ""


def is_disk_full(message: str) -> bool:
    return _mentions(message, FULL)


def advise_on_full_disk(home: Path) -> str:
    return (
        f"There is no room left where {home} lies, and what was published before stays as it "
        "was: make room, or move C360_HOME to a larger disk, and run again."
    )


def advise_rebuild(warehouse: Path) -> str:
    return (
        f"{warehouse} is damaged: move it away, with the file {warehouse.name}.wal if there is "
        "one, and run `make refresh`. Everything in it is made again from the landing files, so "
        "put back those that you deleted; the registry keeps everybody's id."
    )


def find_context() -> dg.OpExecutionContext | None:
    """Returns the Dagster step that is being executed, or None."""
    try:
        return dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return None


def _mentions(message: str, numbers: set[int]) -> bool:
    """Whether a text contains the system's words for one of these error numbers.

    The words are compared because databases pass them on without the number.
    """
    return any(os.strerror(number).lower() in message.lower() for number in numbers)
