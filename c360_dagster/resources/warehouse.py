"""Opens the warehouse file: connections are short-lived and closed also after an error."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import duckdb

from c360_dagster.resources.lock import Say
from c360_dagster.resources.storage import advise_rebuild, find_context, guard_storage
from c360_dagster.sql import fetch_row

MEMORY_LIMIT = "2500MB"
"""What the database may take before it goes to disk; the process around it needs its own part."""
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 5.0
LONGEST_COMMAND = 80


class WarehouseError(Exception):
    """The warehouse cannot be opened; the message says why and what to do."""


class Warehouse(dg.ConfigurableResource):
    path: str
    timezone: str = "UTC"
    scratch: str
    timeout: int = 0
    """Seconds to wait for another program that has the file open."""

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The one connection that may write, for as long as the block runs."""
        path = Path(self.path)
        with guard_storage(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            con = open_warehouse(path, self.timeout)
            try:
                with suppress(PermissionError):  # it is another's, who lets us write to it
                    path.chmod(0o600)
                bound(con, MEMORY_LIMIT, Path(self.scratch))
                # For its cursors too, which is what loading side by side works with.
                con.execute("set global timezone = ?", [self.timezone])
                con.execute("set enable_progress_bar = false")
                yield con
            finally:
                con.close()


def bound(con: duckdb.DuckDBPyConnection, memory: str, scratch: Path) -> None:
    """What the database may take of memory, and where it goes beyond that.

    Connections that are open at once share both, and where one has spilled, the place is not named
    again: DuckDB refuses also the same.
    """
    con.execute(f"set memory_limit = '{memory}'")
    scratch.mkdir(parents=True, exist_ok=True)
    spill = str(scratch / "spill")
    if fetch_row(con, "select current_setting('temp_directory')") != (spill,):
        con.execute("set temp_directory = ?", [spill])


def open_warehouse(path: Path, timeout: int, say: Say | None = None) -> duckdb.DuckDBPyConnection:
    """Opens the file, waiting for whoever has it: a notebook, or a summary that is soon done."""
    deadline = time.monotonic() + timeout
    pause = SHORTEST_PAUSE_SECONDS
    is_told = False
    while True:
        try:
            return duckdb.connect(str(path))
        except duckdb.IOException as problem:
            text = str(problem)
            if "permission denied" in text.lower():
                raise WarehouseError(f"This user may not write to {path}: {text}.") from problem
            if "could not set lock" not in text.lower():
                raise WarehouseError(
                    f"{path} cannot be opened: {text.rstrip('.!')}. {advise_rebuild(path)}"
                ) from problem
            holder = _describe_holder(text)
            if time.monotonic() >= deadline:
                raise WarehouseError(
                    f"{path} is open in another program, {holder}, and {timeout} s "
                    "(C360_LOCK_TIMEOUT) have passed: close it there, or stop that program, and "
                    "run again. To read only, open published/c360.duckdb, which never blocks a "
                    "run."
                ) from problem
        if not is_told and (tell := say or _find_log()):
            tell(
                f"{path} is open in another program, {holder}: waiting up to {timeout} s for it "
                "to be closed."
            )
            is_told = True
        time.sleep(min(pause, max(deadline - time.monotonic(), 0)))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _find_log() -> Say | None:
    step = find_context()
    return step.log.info if step else None


def _describe_holder(text: str) -> str:
    """The process that DuckDB names, with the command by which a person knows it."""
    named = re.search(r"PID (\d+)", text)
    if not named:
        return "which DuckDB does not name"
    try:
        arguments = Path(f"/proc/{named[1]}/cmdline").read_text("utf-8", "replace").split("\0")
    except OSError:  # elsewhere than on Linux, or it has just ended
        return f"process {named[1]}"
    command = " ".join(" ".join(arguments).split())
    return f"process {named[1]} ({command[:LONGEST_COMMAND]})"
