"""Records who was in which audience on each day, and compares the days: who entered, who left.

Each day has a parquet file, like the customers' own, with the conditions and consents that held
when the day was recorded. A view in gold compares each day with the one before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb

from c360_dagster.assets.describe import specify_computed
from c360_dagster.building.computed import read_computed
from c360_dagster.history.days import DAY_FILES, create_view_of_days
from c360_dagster.layers import GOLD
from c360_dagster.sql import fetch_row, literal

CHANGES = "audience_changes"
KEY = dg.AssetKey([GOLD.name, CHANGES])
RELATION = f"{GOLD.name}.{CHANGES}"
DAYS_PUBLISHED = 92
"""A quarter of a year. The files hold every day."""

NOTHING = "(select '', '', date '0001-01-01' where false)"

MemberQueries = Mapping[str, str]
"""For each audience, the query that finds its members on gold's as-of day."""


def specify_changes(*deps: dg.AssetKey) -> dg.AssetSpec:
    """Returns the asset of all changes. It is made when a day is recorded, present or past."""
    spec = specify_computed(read_computed()[RELATION], GOLD, deps)
    return spec.replace_attributes(kinds={"duckdb", "parquet"})


@dataclass(frozen=True)
class Memberships:
    folder: Path

    def record(
        self, con: duckdb.DuckDBPyConnection, day: date, queries: MemberQueries
    ) -> dict[str, str]:
        """Writes the day's members. Returns the reason for each audience whose query failed."""
        con.execute("create or replace temp table members (audience varchar, customer_id varchar)")
        problems = {}
        for audience, query in queries.items():
            # A row without a customer shows that the audience was asked for, even if it is empty.
            people = f"select customer_id from ({query}) union all select null"
            try:
                con.execute(f"insert into members select {literal(audience)}, * from ({people})")
            except duckdb.Error as problem:
                problems[audience] = str(problem).splitlines()[0]
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._file(day)
        aside = path.with_suffix(".part")
        con.execute(
            f"copy (select *, date '{day}' as as_of_date from members order by all) "
            f"to {literal(str(aside))} (format parquet, compression zstd)"
        ).fetchall()
        con.execute("drop table members")
        aside.chmod(0o600)
        aside.replace(path)
        return problems

    def report(self, con: duckdb.DuckDBPyConnection) -> dg.AssetMaterialization:
        """Returns how many entered and left on the last day, for the log of a run."""
        day, came, went = fetch_row(
            con,
            "select max(as_of_date), count(*) filter (where change = 'entered'), "
            f"count(*) filter (where change = 'left') {self._excerpt(1)}",
        ) or (None, 0, 0)
        metadata = {"as_of": str(day or "-"), "entered": came, "left": went}
        return dg.AssetMaterialization(asset_key=KEY, metadata=metadata)

    def create_view(self, con: duckdb.DuckDBPyConnection) -> None:
        """Puts a view of the files in place of the table of changes."""
        create_view_of_days(con, read_computed()[RELATION], _compare(self._read_all()), self.folder)

    def excerpt(self) -> str:
        """Returns the query for the changes that are published: those of the last days."""
        return f"{self._excerpt(DAYS_PUBLISHED)} order by all"

    def _excerpt(self, days: int) -> str:
        last = ", ".join(literal(str(path)) for path in self._files()[-days - 1 :])
        return f"from ({_compare(_read(f'[{last}]') if last else NOTHING)})"

    def _read_all(self) -> str:
        return _read(literal(str(self.folder / DAY_FILES))) if self._files() else NOTHING

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(DAY_FILES))

    def _file(self, day: date) -> Path:
        return self.folder / f"{day}.parquet"


def _read(files: str) -> str:
    return f"read_parquet({files}, hive_partitioning = false)"


def _compare(rows: str) -> str:
    return f"""
        with
        members (audience, customer_id, as_of_date) as (
            select * from {rows}
        ),
        days as (
            select
                audience,
                as_of_date,
                lag(as_of_date) over (partition by audience order by as_of_date) as before_date
            from members
            where customer_id is null
        ),
        compared as (
            select
                members.audience,
                members.customer_id,
                days.as_of_date,
                days.before_date,
                1 as came
            from members
            inner join days
                on members.audience = days.audience and members.as_of_date = days.as_of_date
            where days.before_date is not null and members.customer_id is not null
            union all
            select members.audience, members.customer_id, days.as_of_date, days.before_date, -1
            from members
            inner join days
                on members.audience = days.audience and members.as_of_date = days.before_date
            where members.customer_id is not null
        )
        select
            audience,
            as_of_date,
            customer_id,
            case sum(came) when 1 then 'entered' else 'left' end as change,
            before_date
        from compared
        group by audience, as_of_date, customer_id, before_date
        having sum(came) <> 0
    """
