"""The published snapshot as the pages read it: found, opened for one question, and closed again.

No connection stays open after its question, so a newer snapshot may replace the file at any time.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import duckdb
import polars as pl

from c360_dashboard.privacy import mask

FILE = "c360.duckdb"

P = ParamSpec("P")
T = TypeVar("T")


class SnapshotError(Exception):
    """Raised when there is nothing to show; the message says why and what to do."""


@dataclass(frozen=True)
class Publication:
    as_of: date
    run_id: str
    published_at: datetime
    first_order: date


@dataclass(frozen=True)
class Snapshot:
    """One state of the file: if its inode or time of writing differs, it is another snapshot."""

    path: Path
    inode: int
    written: int
    shows_personal_data: bool

    @contextmanager
    def open(self) -> Iterator["Reader"]:
        # Attached to an in-memory database of its own: two connections to the same path in one
        # process would share the file that the first one opened, even after it was replaced.
        con = duckdb.connect(":memory:")
        try:
            quoted = str(self.path).replace("'", "''")
            con.execute(f"attach '{quoted}' as c360 (read_only)")
            con.execute("use c360.gold")
            yield Reader(con, self.shows_personal_data)
        except (duckdb.CatalogException, duckdb.BinderException) as problem:
            raise SnapshotError(
                "The published snapshot lacks something that this page shows, because another "
                "version made it. Type `make refresh` to publish again; if you have done that, "
                f"restart `make dashboard`. ({_first_line(problem)})"
            ) from problem
        except (duckdb.IOException, duckdb.SerializationException) as problem:
            raise SnapshotError(
                f"{self.path} cannot be read as a snapshot. Type `make run` to publish again. "
                f"({_first_line(problem)})"
            ) from problem
        finally:
            con.close()


class Reader:
    """Queries an open snapshot; masks personal data, unless the operator chose to show them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, shows_personal_data: bool) -> None:  # noqa: FBT001  the only choice there is
        self._con = con
        self.shows_personal_data = shows_personal_data

    def frame(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        frame = _with_floats(self._con.sql(sql, params=_pick_used(sql, parameters or {})).pl())
        return frame if self.shows_personal_data else mask(frame)

    def keep(self, name: str, sql: str, parameters: Mapping[str, Any]) -> None:
        """Keeps rows that several queries start from, until the snapshot is closed."""
        self._con.execute(
            f"create or replace temp table {name} as {sql}", _pick_used(sql, parameters)
        )

    def has(self, table: str) -> bool:
        """Whether the snapshot holds this table; if another version made it, it may not."""
        found = self._con.execute(
            "select count(*) from duckdb_tables() "
            "where database_name = 'c360' and schema_name = 'gold' and table_name = ?",
            [table],
        ).fetchall()
        return bool(found[0][0])

    def row(self, sql: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self.frame(sql, parameters).row(0, named=True)


def find_snapshot(published: Path, *, shows_personal_data: bool) -> Snapshot:
    path = published / FILE
    try:
        with path.open("rb") as file:  # fails if only its owner, somebody else, may read it
            state = os.fstat(file.fileno())
    except FileNotFoundError:
        raise SnapshotError(
            f"Nothing is published yet: {path} does not exist. Type `make run` in the project's "
            "folder; this page fills itself when the run has finished."
        ) from None
    except PermissionError as problem:
        raise SnapshotError(
            f"Only the owner of {path} may read it, because it holds personal data "
            f"({problem.strerror}): ask the owner to start `make dashboard`, or to give you a "
            "copy."
        ) from problem
    except OSError as problem:
        raise SnapshotError(f"{path} cannot be read: {problem.strerror}.") from problem
    return Snapshot(path, state.st_ino, state.st_mtime_ns, shows_personal_data)


@lru_cache(maxsize=256)
def read_publication(snapshot: Snapshot) -> Publication:
    with snapshot.open() as reader:
        found = reader.row(
            """
            select
                as_of_date as as_of, run_id, published_at,
                coalesce(
                    (select min(order_date) from fct_orders where is_counted), as_of_date
                ) as first_order
            from publication
            """
        )
    return Publication(**found)


@lru_cache(maxsize=256)
def _answer(snapshot: Snapshot, query: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    with snapshot.open() as reader:
        return query(reader, *arguments)


def ask(snapshot: Snapshot, query: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401  passed on
    """Returns a query's answer, which is computed only once for the same snapshot and arguments."""
    answer: T = _answer(snapshot, query, arguments)
    return answer


def _pick_used(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values that the query uses, because DuckDB refuses any others."""
    return {name: value for name, value in parameters.items() if f"${name}" in sql}


def _with_floats(frame: pl.DataFrame) -> pl.DataFrame:
    """Turns decimals into floats, because here they are only shown and drawn, never added up."""
    return frame.with_columns(pl.col(pl.Decimal).cast(pl.Float64))


def _first_line(problem: Exception) -> str:
    return str(problem).splitlines()[0]
