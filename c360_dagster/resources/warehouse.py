"""The warehouse file: short-lived connections, closed also on error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import duckdb

MEMORY_LIMIT = "2500MB"
"""What the database may take before it goes to disk; the process around it needs its own part."""


class WarehouseError(Exception):
    """The warehouse cannot be opened; the message says why and what to do."""


class Warehouse(dg.ConfigurableResource):
    path: str
    timezone: str = "UTC"
    scratch: str

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The one connection that may write, for as long as the block runs."""
        path = Path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        con = _open(path)
        try:
            con.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
            con.execute("set temp_directory = ?", [str(Path(self.scratch) / "spill")])
            con.execute("set timezone = ?", [self.timezone])
            con.execute("set enable_progress_bar = false")
            yield con
        finally:
            con.close()


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path))
    except duckdb.IOException as problem:
        text = str(problem)
        if "lock" in text.lower():
            raise WarehouseError(
                f"{path} is open in another program, which has to close it first: {text}"
            ) from problem
        raise WarehouseError(
            f"{path} cannot be opened. If the file is damaged, move it away and run "
            f"`make refresh`: everything in it is made again from the landing files. ({text})"
        ) from problem
