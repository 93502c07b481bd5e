"""The warehouse connection: closed even after an error, and clear about a file it cannot use."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from c360_dagster.resources.storage import StorageError
from c360_dagster.resources.warehouse import Warehouse, WarehouseError


def _warehouse(folder: Path, timeout: int = 0) -> Warehouse:
    return Warehouse(
        path=str(folder / "w.duckdb"), scratch=str(folder / "scratch"), timeout=timeout
    )


def test_the_file_is_free_again_after_an_error(tmp_path: Path) -> None:
    warehouse = _warehouse(tmp_path)
    with pytest.raises(duckdb.Error), warehouse.connect() as con:
        con.execute("create table t as select 1 as n; select nonsense")
    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as con:
        assert con.execute("from t").fetchall() == [(1,)]


def test_an_interruption_stops_a_run_within_a_query(tmp_path: Path) -> None:
    """DuckDB reports the stop as a plain RuntimeError, and the step would count as failed."""
    stop = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))

    def work() -> None:
        with _warehouse(tmp_path).connect() as con:
            con.execute("set threads = 1")  # otherwise another thread works, and this one waits
            stop.start()
            con.execute("select sum(a.range * b.range) from range(50000) a, range(50000) b")

    with dg.raise_execution_interrupts(), pytest.raises(dg.DagsterExecutionInterruptedError):
        work()


def test_a_file_that_is_no_database_says_how_to_rebuild(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").write_bytes(b"not a database" * 1000)
    told = r"valid DuckDB database file\. .* is damaged: .*make refresh"
    with pytest.raises(StorageError, match=told), _warehouse(tmp_path).connect():
        pytest.fail("it opened")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that has the warehouse open until it reads a line."""
    script = (
        "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('open', flush=True); "
        "sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "w.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        yield program
        if program.poll() is None:
            program.communicate("done\n")


def test_a_file_that_another_program_holds_names_it(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    named = rf"another program, process {other.pid} \(.*import duckdb.*1 s \(C360_LOCK_TIMEOUT\)"
    with pytest.raises(WarehouseError, match=named), _warehouse(tmp_path, timeout=1).connect():
        pytest.fail("both opened it")


def test_a_file_that_is_closed_in_time_is_waited_for(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    """The step says only once whom it waits for."""
    said: list[str] = []

    @dg.op(required_resource_keys={"warehouse"})
    def open_it(context: dg.OpExecutionContext) -> None:
        closing = threading.Timer(0.5, other.communicate, ["done\n"])
        closing.start()
        with context.resources.warehouse.connect() as con:
            con.execute("create table t as select 1 as n")
        closing.join()

    @dg.job(resource_defs={"warehouse": _warehouse(tmp_path, timeout=30)})
    def open_once() -> None:
        open_it()

    with dg.instance_for_test() as instance:
        done = open_once.execute_in_process(instance=instance)
        said = [entry.user_message for entry in instance.all_logs(done.run_id)]
    waits = [text for text in said if "is open in another program" in text]
    assert len(waits) == 1
    assert str(other.pid) in waits[0]


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        ("Permission denied", WarehouseError, "^This user may not write to .*: IO Error"),
        ("No space left on device", StorageError, "make room"),
        ("Too many open files", duckdb.IOException, "Too many open files$"),
    ],
)
def test_a_sound_file_that_cannot_be_opened_is_not_called_damaged(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    kind: type[Exception],
    told: str,
) -> None:
    """Rows whose files have left landing are lost with a warehouse that is moved away."""

    def refuse(path: str) -> None:
        raise duckdb.IOException(f'IO Error: Cannot open file "{path}": {words}')

    monkeypatch.setattr(duckdb, "connect", refuse)
    with pytest.raises(kind, match=told) as raised, _warehouse(tmp_path).connect():
        pass
    assert "move it away" not in str(raised.value)


def test_a_damaged_file_says_how_to_rebuild(tmp_path: Path) -> None:
    with _warehouse(tmp_path).connect() as con:
        con.execute("create table t as select random() as n from range(100000)")
    path = tmp_path / "w.duckdb"
    content = path.read_bytes()
    for damaged in (content[:20_000] + b"\xff" * 900_000, content[: len(content) // 2]):
        path.write_bytes(damaged)
        with (
            pytest.raises(StorageError, match=r"damaged: move it away.*registry keeps"),
            _warehouse(tmp_path).connect() as con,
        ):
            con.execute("select sum(n) from t").fetchall()
