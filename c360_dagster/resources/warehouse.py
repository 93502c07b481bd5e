"""Opens the warehouse file: connections are short-lived and closed also after an error."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import duckdb

from c360_dagster.resources.lock import Say
from c360_dagster.resources.storage import find_context, guard_storage
from c360_dagster.sql import fetch_row

MEMORY_LIMIT = "2500MB"
"""How much memory the database uses before it spills to disk; the process needs some besides."""
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 5.0
LONGEST_COMMAND = 80


class WarehouseError(Exception):
    """Raised if the warehouse cannot be opened; the message says why and what to do."""


class Warehouse(dg.ConfigurableResource):
    path: str
    timezone: str = "UTC"
    scratch: str
    timeout: int = 0
    """Seconds to wait for another program that has the file open."""

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Opens the one connection that may write, for as long as the block runs."""
        path = Path(self.path)
        with guard_storage(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            con = open_warehouse(path, self.timeout)
            try:
                with suppress(PermissionError):  # another user's file, to which we may write
                    path.chmod(0o600)
                limit_memory(con, MEMORY_LIMIT, Path(self.scratch))
                # Global, so that it holds for cursors too: loading side by side works with cursors.
                con.execute("set global timezone = ?", [self.timezone])
                con.execute("set enable_progress_bar = false")
                yield con
            finally:
                con.close()


def limit_memory(con: duckdb.DuckDBPyConnection, memory: str, scratch: Path) -> None:
    """Sets how much memory the database may use, and the folder to which it spills beyond that.

    Connections that are open at the same time share both. The folder is not set a second time,
    because DuckDB refuses that, even for the same folder, once a connection has spilled.
    """
    con.execute(f"set memory_limit = '{memory}'")
    scratch.mkdir(parents=True, exist_ok=True)
    spill = str(scratch / "spill")
    if fetch_row(con, "select current_setting('temp_directory')") != (spill,):
        con.execute("set temp_directory = ?", [spill])


def open_warehouse(path: Path, timeout: int, say: Say | None = None) -> duckdb.DuckDBPyConnection:
    """Opens the file; waits while another program, such as a notebook or a summary, has it open.

    What else DuckDB says, of a full disk or a damaged file, is left to `guard_storage`.
    """
    deadline = time.monotonic() + timeout
    pause = SHORTEST_PAUSE_SECONDS
    is_announced = False
    while True:
        try:
            return duckdb.connect(str(path))
        except duckdb.IOException as problem:
            text = str(problem)
            if "permission denied" in text.lower():
                raise WarehouseError(f"This user may not write to {path}: {text}.") from problem
            if "could not set lock" not in text.lower():
                raise
            holder = _describe_holder(text)
            if time.monotonic() >= deadline:
                raise WarehouseError(
                    f"{path} is open in another program, {holder}, and {timeout} s "
                    "(C360_LOCK_TIMEOUT) have passed: close it there, or stop that program, and "
                    "run again. To read only, open published/c360.duckdb, which never blocks a "
                    "run."
                ) from problem
        if not is_announced and (tell := say or _find_log()):
            tell(
                f"{path} is open in another program, {holder}: waiting up to {timeout} s for it "
                "to be closed."
            )
            is_announced = True
        time.sleep(min(pause, max(deadline - time.monotonic(), 0)))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _find_log() -> Say | None:
    step = find_context()
    return step.log.info if step else None


def _describe_holder(text: str) -> str:
    """Names the process that DuckDB found, with its command, by which people recognise it."""
    named = re.search(r"PID (\d+)", text)
    if not named:
        return "which DuckDB does not name"
    try:
        arguments = Path(f"/proc/{named[1]}/cmdline").read_text("utf-8", "replace").split("\0")
    except OSError:  # the system is not Linux, or the process has just ended
        return f"process {named[1]}"
    command = " ".join(" ".join(arguments).split())
    return f"process {named[1]} ({command[:LONGEST_COMMAND]})"
