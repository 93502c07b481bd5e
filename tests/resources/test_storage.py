"""Problems that may pass are retried, later each time; others are reported with what to do."""

import errno
import os
from pathlib import Path
from typing import NoReturn

import dagster as dg
import duckdb
import polars as pl
import pytest

from c360_dagster.dbt_runner.dbt_project import DbtError
from c360_dagster.resources.storage import StorageError, guard_storage

HOME = Path("/a/home")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The wait that each retry asked for; the tests themselves do not wait."""
    pauses: list[float] = []
    original = dg.RetryRequested.__init__

    def note(self: dg.RetryRequested, max_retries: int, seconds_to_wait: float) -> None:
        pauses.append(seconds_to_wait)
        original(self, max_retries, 0)

    monkeypatch.setattr(dg.RetryRequested, "__init__", note)
    return pauses


def run(problems: list[Exception]) -> tuple[bool, int]:
    """Returns whether a step succeeds that meets these problems in turn, and how often it began."""
    begun = []

    @dg.op
    def write() -> None:
        begun.append(1)
        with guard_storage(HOME):
            if problems:
                raise problems.pop(0)

    @dg.job
    def work() -> None:
        write()

    return work.execute_in_process(raise_on_error=False).success, len(begun)


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def test_temporary_errors_are_retried(pauses: list[float]) -> None:
    stale = duckdb.IOException("IO Error: Could not read file: Stale file handle")
    assert run([os_error(errno.EBUSY), stale]) == (True, 3)
    assert pauses == [2, 4]


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT])
def test_every_temporary_error_of_the_system_is_retried(number: int, pauses: list[float]) -> None:
    assert run([os_error(number)]) == (True, 2)
    assert pauses == [2]


def test_errors_outside_a_step_are_not_retried() -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EBUSY)), guard_storage(HOME):
        raise os_error(errno.EBUSY)


def test_an_error_that_persists_is_given_up(pauses: list[float]) -> None:
    assert run([os_error(errno.EIO)] * 9) == (False, 4)
    assert pauses == [2, 4, 8, 16]


@pytest.mark.parametrize(
    "problem",
    [
        duckdb.ConversionException("Could not convert 'x' to INT32"),
        ValueError("bad"),
        os_error(errno.ENOSPC),
        PermissionError(errno.EACCES, "Permission denied"),
        dg.Failure("a test failed", allow_retries=False),
    ],
)
def test_bad_data_and_a_full_disk_are_not_tried_again(
    problem: Exception, pauses: list[float]
) -> None:
    assert run([problem]) == (False, 1)
    assert pauses == []


@pytest.mark.parametrize(
    "problem",
    [
        os_error(errno.ENOSPC),
        os_error(errno.EFBIG),
        os_error(errno.EDQUOT),
        duckdb.TransactionException("Failed to commit: No space left on device"),
        DbtError("dbt stopped: [Errno 28] No space left on device: 'dbt.log'"),
    ],
)
def test_a_full_disk_is_reported_with_what_to_do(problem: Exception) -> None:
    told = f"no room left where {HOME} lies.*published before stays.*make room"
    with pytest.raises(StorageError, match=told), guard_storage(HOME):
        raise problem


def test_an_interruption_during_a_query_stops_the_run() -> None:
    """DuckDB turns an exception from Python code into an error of its own."""

    class Table:
        def __arrow_c_stream__(self, _: object = None) -> NoReturn:
            raise dg.DagsterExecutionInterruptedError

    def hand_over() -> None:
        with duckdb.connect() as con, guard_storage(HOME):
            con.register("pairs", Table())
            con.sql("from pairs").fetchall()

    with pytest.raises(dg.DagsterExecutionInterruptedError):
        hand_over()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full")
def test_a_table_that_does_not_fit_is_reported_with_what_to_do() -> None:
    """The registry's tables are written by polars, which has its own error for a full disk."""
    with pytest.raises(StorageError, match="make room"), guard_storage(HOME):
        pl.DataFrame({"customer_id": ["c1"]}).write_parquet("/dev/full")


def test_a_warehouse_that_is_no_database_is_reported_whoever_opens_it(tmp_path: Path) -> None:
    """For example dbt opens it, and would report the damage in its own words."""
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(b"not a database" * 1000)
    told = f"{path} is damaged: move it away, with the file warehouse.duckdb.wal"
    with pytest.raises(StorageError, match=told), guard_storage(tmp_path):
        duckdb.connect(str(path))
