"""Computes a past day: runs the pipeline as of that day, in a warehouse beside the real one.

It uses the pipeline's own assets with other settings, so a past day comes out as in a real run.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb

from c360_dagster.assets.audiences import read_member_queries
from c360_dagster.audiences.members import GOLD_RELATIONS
from c360_dagster.dbt_runner.build import DbtBuilder
from c360_dagster.dbt_runner.dbt_project import read_manifest
from c360_dagster.definitions import build_definitions
from c360_dagster.history.days import MART, Day, History, HistoryError
from c360_dagster.history.memberships import MemberQueries, Memberships
from c360_dagster.layers import BRONZE, IDENTITY, LANDING
from c360_dagster.messages.reports import STOPPED, read_report
from c360_dagster.resources.storage import guard_storage
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings
from c360_dagster.sql import fetch_row, literal, quote
from landing_contract import read_contract

JOB = "as_of_a_day"
LOG = "load_log"
CLOCK = ("stg_file_days", "int_data_clock")
ALWAYS = "date '0001-01-01'"
"""The day from which a file without a day in its name counts as known."""
QUIET_RUN_CONFIG = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@contextmanager
def open_past(settings: Settings, warehouse: Warehouse) -> Iterator["Past"]:
    """Opens a warehouse with only a copy of bronze, and deletes it at the end of the block."""
    home = settings.scratch / "past"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    try:
        with guard_storage(settings.home), warehouse.connect() as con:
            first_day = _find_first_day(con, settings)
            _copy_bronze(con, home / settings.warehouse.name)
        past_settings = replace(settings, home=home)
        dbt = DbtBuilder(warehouse=str(past_settings.warehouse), mode=past_settings.dbt)
        yield Past(
            settings=past_settings,
            registry=settings.registry,
            members=Memberships(settings.memberships),
            queries=read_member_queries(settings, read_manifest()),
            first_day=first_day,
            dbt=dbt,
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)


@dataclass(frozen=True)
class Past:
    settings: Settings
    """The settings of the run for a past day; its home is the folder with the copy."""
    registry: Path
    """The real registry of ids. Each past day starts with a copy of it; nothing is written back."""
    members: Memberships
    queries: MemberQueries
    first_day: date | None
    """The earliest day in a file's name; None if a file has no day and so was always known."""
    dbt: DbtBuilder

    def check(self, days: Sequence[date]) -> None:
        """Refuses days before the first file or after the latest data, before any is computed."""
        last_day = self._find_last_day()
        early = [day for day in days if self.first_day and day < self.first_day]
        late = [day for day in days if day > last_day]
        reasons = []
        if early:
            reasons.append(
                f"{_count(early)} before {self.first_day}, the day of the first file: nothing was "
                "known."
            )
        if late:
            reasons.append(f"{_count(late)} after {last_day}, the latest day in the data.")
        if reasons:
            raise HistoryError(
                f"{' '.join(reasons)} Ask for days from "
                f"{self.first_day or self.settings.start_date} to {last_day}; nothing was recorded."
            )

    def run_day(self, day: date, history: History) -> Day:
        """Makes everything after bronze as of the day, and records its customers and audiences."""
        self._start_from_bronze()
        day_settings = replace(self.settings, as_of=day)
        job = _define_job(day_settings, self.dbt)
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(QUIET_RUN_CONFIG, instance, raise_on_error=False)
            if not result.success:
                reasons = [
                    each.reason for each in read_report(instance, result.dagster_run).failures
                ]
                if STOPPED in reasons:
                    raise dg.DagsterExecutionInterruptedError
                raise HistoryError(" ".join(reasons))
        with self._connect() as con:
            recorded = history.record(con)
            if recorded is None:
                raise HistoryError("nobody was known.")
            problems = self.members.record(con, day, self.queries)
        if problems:
            raise HistoryError(" ".join(f"Audience '{k}': {v}" for k, v in problems.items()))
        return recorded

    def _start_from_bronze(self) -> None:
        """Deletes everything but bronze, and copies the real registry again."""
        shutil.rmtree(self.settings.registry, ignore_errors=True)
        if self.registry.exists():
            shutil.copytree(self.registry, self.settings.registry)
        with self._connect() as con:
            for (schema,) in con.execute(
                "select schema_name from duckdb_schemas() where not internal"
            ).fetchall():
                if schema != BRONZE.name:
                    con.execute(f"drop schema {quote(schema)} cascade")

    def _find_last_day(self) -> date:
        """Returns the as-of day that a run would take if none is set."""
        variables = {"as_of": None}
        for result in self.dbt.build(
            select=CLOCK, variables=variables, scratch=self.settings.scratch
        ):
            if result.is_bad:
                raise HistoryError(result.message)
        with self._connect() as con:
            found = fetch_row(con, "select as_of_date from silver.int_data_clock")
        return date.min if found is None else date.fromisoformat(str(found[0]))

    @contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        settings = self.settings
        warehouse = Warehouse(
            path=str(settings.warehouse),
            timezone=settings.timezone,
            scratch=str(settings.scratch),
        )
        with warehouse.connect() as con:
            yield con


def _define_job(settings: Settings, dbt: DbtBuilder) -> dg.JobDefinition:
    """Returns a job that makes what customers and audiences need, without most of the checks."""
    files = dg.AssetSelection.groups(LANDING.name, BRONZE.name)
    audience_tables = (GOLD_RELATIONS.consents, GOLD_RELATIONS.contacts)
    read = [MART.split("."), *(name.split(".") for name in audience_tables)]
    needed = dg.AssetSelection.assets(*read).upstream() - files
    who_is_who = dg.AssetSelection.groups(IDENTITY.name)  # one step: it cannot run without checks
    job = dg.define_asset_job(JOB, needed.without_checks() | who_is_who)
    pipeline = build_definitions(settings)
    return dg.Definitions(
        assets=pipeline.assets, resources={**(pipeline.resources or {}), "dbt": dbt}, jobs=[job]
    ).resolve_job_def(JOB)


def _find_first_day(con: duckdb.DuckDBPyConnection, settings: Settings) -> date | None:
    """Returns the earliest day in a file's name; None if a file has no day.

    Raises a HistoryError if there is no bronze to copy.
    """
    standing = {
        name
        for (name,) in con.execute(
            "select table_name from duckdb_tables() where schema_name = ?", [BRONZE.name]
        ).fetchall()
    }
    if not standing >= set(read_contract()):
        raise HistoryError(
            f"{settings.warehouse} holds no bronze, and nothing else tells of the past: load the "
            "files first, with `make refresh`."
        )
    files = " union all ".join(
        f"select min(coalesce(_known_at, {ALWAYS})) as day from {BRONZE.name}.{quote(each)}"
        for each in read_contract()
    )
    (first,) = fetch_row(con, f"select min(day) from ({files})") or (None,)
    return first if first and first.year > 1 else None  # the year 1 is ALWAYS


def _copy_bronze(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    con.execute(f"attach {literal(str(path))} as past")
    try:
        con.execute(f"create schema past.{BRONZE.name}")
        for name in (*read_contract(), LOG):
            table = f"{BRONZE.name}.{quote(name)}"
            con.execute(f"create table past.{table} as from {table}").fetchall()
    finally:
        con.execute("detach past")


def _count(days: Sequence[date]) -> str:
    return f"{days[0]} lies" if len(days) == 1 else f"{len(days):,} of the days asked for lie"
