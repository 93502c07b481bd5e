"""Compares the models' time for one more day with a full build, for histories of any length."""

import shutil
import sys
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

import mock_data
from bench.measure import Measured, measure
from c360_dagster.building.changes import BuildRequest, begin_build, finish_build
from c360_dagster.building.computed import create_computed
from c360_dagster.dbt_runner.build import DbtBuilder
from c360_dagster.dbt_runner.dbt_project import read_manifest
from c360_dagster.loading.bronze import load_table
from c360_dagster.loading.load_log import LoadRun
from c360_dagster.loading.schema import create_bronze
from c360_dagster.resources.warehouse import Warehouse
from landing_contract import read_contract

LAST = date(2025, 11, 29)
DAY = timedelta(days=1)


def main(arguments: list[str]) -> None:
    """Takes a number of customers, and any number of lengths of history in days."""
    customers, *lengths = [int(each) for each in arguments] or [20_000, 90]
    for length in lengths or [365]:
        with tempfile.TemporaryDirectory() as folder:
            everything, day = measure_builds(Path(folder), customers, length)
        sys.stdout.write(
            f"{customers:,} customers, {length} days: all "
            f"models {everything.cpu_seconds:.1f} CPU s ({everything.seconds:.1f} s by the clock), "
            f"one more day {day.cpu_seconds:.1f} CPU s ({day.seconds:.1f} s by the clock), "
            f"ratio of CPU s {day.cpu_seconds / everything.cpu_seconds:.2f}\n"
        )


def measure_builds(
    home: Path, customers: int, length: int
) -> tuple[Measured[None], Measured[None]]:
    """Measures a full build and the build of the next day, without resolving people in between."""
    measured = []
    for run, last in enumerate((LAST, LAST + DAY)):
        first = LAST - length * DAY
        mock_data.generate(home, customers=customers, seed=7, start=first, end=last)
        load(home, last)
        measured.append(measure(build, home, f"run {run}"))
        shutil.rmtree(home / "scratch", ignore_errors=True)
    return measured[0], measured[1]


def load(home: Path, day: date) -> None:
    morning = datetime.combine(day + DAY, datetime.min.time())
    run = LoadRun(f"{day}", lambda: morning, home / "scratch")
    with connect_to(home).connect() as con:
        create_bronze(con, read_contract().values())
        create_computed(con)
        for table in read_contract().values():
            load_table(con, home / "landing", table, run)


def build(home: Path, run: str) -> None:
    request, manifest = BuildRequest(run, "bench", None), read_manifest()
    with connect_to(home).connect() as con:
        plan = begin_build(con, request, manifest, worthwhile=0)
    results = list(
        DbtBuilder(warehouse=str(home / "warehouse.duckdb")).build(
            select=[],
            variables={"since": plan.since.isoformat() if plan.since else None},
            scratch=home / "scratch",
        )
    )
    bad = [result.unique_id for result in results if result.is_bad]
    if bad:
        raise SystemExit(f"failed: {bad}")
    with connect_to(home).connect() as con:
        finish_build(con, request, manifest, [result.unique_id for result in results])


def connect_to(home: Path) -> Warehouse:
    return Warehouse(path=str(home / "warehouse.duckdb"), scratch=str(home / "scratch"))
