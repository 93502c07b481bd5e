"""The recorded days: one parquet file for each, and the view in the warehouse that shows them all.

Only the files hold the days, so they outlive the warehouse. A day recorded again is replaced.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb

from c360_dagster.assets.describe import specify_computed
from c360_dagster.building.computed import ComputedTable, read_computed, replace_with_view
from c360_dagster.layers import GOLD
from c360_dagster.sql import PARQUET, fetch_count, fetch_row, literal, quote

HISTORY = "customer_360_history"
KEY = dg.AssetKey([GOLD.name, HISTORY])
MART = f"{GOLD.name}.mart_customer_360"
DAY_FILES = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].parquet"
"""The files' names. Other files in the folder, such as a copy of a day, are ignored."""
MONTHS_PUBLISHED = 13
"""Enough to compare a month with the same month a year before. The files hold every day."""


class HistoryError(Exception):
    """Raised for a day that cannot be recorded or read. The message says which one and why."""


def specify_history(*deps: dg.AssetKey) -> dg.AssetSpec:
    """Returns one asset for all recorded days.

    In the pipeline it can only be read; served.py adds the asset that computes past days.
    """
    table = read_computed()[f"{GOLD.name}.{HISTORY}"]
    spec = specify_computed(table, GOLD, deps)
    return spec.replace_attributes(kinds={"duckdb", "parquet"})


def create_view_of_days(
    con: duckdb.DuckDBPyConnection, table: ComputedTable, query: str, folder: Path
) -> None:
    """Makes the view of a folder of days. Raises a HistoryError that names an unreadable day."""
    try:
        replace_with_view(con, table, query)
    except duckdb.Error:
        for path in sorted(folder.glob(DAY_FILES)):
            try:
                con.execute(f"from read_parquet({literal(str(path))}) limit 0")
            except duckdb.Error as problem:
                raise HistoryError(
                    f"{path} cannot be read ({str(problem).splitlines()[0]}): restore it from a "
                    "backup, or move it away, and that day is forgotten."
                ) from None
        raise


@dataclass(frozen=True)
class Day:
    date: date
    customers: int
    path: Path

    def report(self) -> dg.AssetMaterialization:
        """Returns what Dagster's calendar of days shows."""
        return dg.AssetMaterialization(
            asset_key=KEY,
            partition=self.date.isoformat(),
            metadata={
                "dagster/partition_row_count": self.customers,
                "dagster/uri": dg.MetadataValue.url(self.path.as_uri()),
                "bytes": self.path.stat().st_size,
            },
        )


@dataclass(frozen=True)
class History:
    folder: Path

    def days(self) -> list[date]:
        """Returns every recorded day, the earliest first."""
        return sorted(date.fromisoformat(path.stem) for path in self.folder.glob(DAY_FILES))

    def record(self, con: duckdb.DuckDBPyConnection) -> Day | None:
        """Writes gold's customers to the file of their day, and replaces an earlier one.

        Returns None if there are no customers.
        """
        day, customers, ids = fetch_row(
            con, f"select max(as_of_date), count(*), count(distinct customer_id) from {MART}"
        ) or (None, 0, 0)
        if day is None:
            return None
        if ids != customers:
            raise HistoryError(
                f"{day} is not recorded: {MART} has {customers:,} rows for {ids:,} customers."
            )
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{day}.parquet"
        aside = path.with_suffix(".part")
        con.execute(
            f"copy (from {MART} order by customer_id) to {literal(str(aside))} {PARQUET}"
        ).fetchall()
        aside.chmod(0o600)
        aside.replace(path)
        return Day(day, customers, path)

    def look_up(self, con: duckdb.DuckDBPyConnection, day: date) -> Day:
        """Returns a recorded day with its number of customers."""
        path = self.folder / f"{day}.parquet"
        rows = f"select count(*) from read_parquet({literal(str(path))})"
        return Day(day, fetch_count(con, rows), path)

    def create_view(self, con: duckdb.DuckDBPyConnection) -> None:
        """Puts a view of all files in place of the table of all days."""
        table = read_computed()[f"{GOLD.name}.{HISTORY}"]
        create_view_of_days(con, table, self._select_all(table), self.folder)

    def _select_all(self, table: ComputedTable) -> str:
        """Returns the query for the declared columns; null in days recorded before they existed."""
        columns = ", ".join(
            f"cast({quote(each.name)} as {each.type}) as {quote(each.name)}"
            for each in table.columns
        )
        nobody = ", ".join(
            f"cast(null as {each.type}) as {quote(each.name)}" for each in table.columns
        )
        rows = f"select {nobody} where false"
        if self.days():
            files = literal(str(self.folder / DAY_FILES))
            options = "union_by_name = true, hive_partitioning = false"
            rows += f" union all by name from read_parquet({files}, {options})"
        return f"select {columns} from ({rows})"

    def published_days(self) -> list[date]:
        """Returns the last recorded day of each of the latest months."""
        return list({(day.year, day.month): day for day in self.days()}.values())[
            -MONTHS_PUBLISHED:
        ]


def excerpt(days: Iterable[date]) -> str:
    """Returns the query for these days of the history."""
    chosen = ", ".join(f"date '{day}'" for day in days)
    return f"from {GOLD.name}.{HISTORY} where as_of_date in ({chosen})"
