"""Measures the dbt build against the same compiled SQL in one plain DuckDB connection."""

import shutil
import sys
import tempfile
from datetime import date, datetime
from pathlib import Path

import duckdb

import mock_data
from bench.checksums import Contents, find_differences, read_contents
from bench.measure import measure
from bench.plan import MEMORY, make_plan
from c360_dagster.building.computed import create_computed
from c360_dagster.dbt_runner.build import DbtBuilder
from c360_dagster.dbt_runner.dbt_project import read_manifest
from c360_dagster.loading.bronze import load_table
from c360_dagster.loading.load_log import LoadRun
from c360_dagster.loading.schema import create_bronze
from c360_dagster.resources.warehouse import Warehouse
from landing_contract import read_contract


def main(arguments: list[str]) -> None:
    """Takes a number of customers to simulate, or the path of a warehouse to copy."""
    asked = arguments[0] if arguments else "5000"
    with tempfile.TemporaryDirectory() as folder:
        source = simulate(Path(folder), int(asked)) if asked.isdigit() else Path(asked)
        # The copies keep the file's name, because views name their database, and that is the file.
        ours, plain = (Path(folder) / side / source.name for side in ("ours", "plain"))
        for copy in (ours, plain):
            copy.parent.mkdir()
            shutil.copy(source, copy)
        steps = [step.sql for step in make_plan(Path(folder)).steps if step.sql]
        built = measure(build, ours, with_tests=True)
        models = measure(build, ours, with_tests=False)
        bare = measure(run_plain, plain, steps)
        differing = find_differences(built.result, bare.result)
    sys.stdout.write(
        f"{len(steps)} models: {models.seconds:.1f} s through dbt in process "
        f"({built.seconds:.1f} s with its tests), {bare.seconds:.1f} s plain, "
        f"ratio {models.seconds / bare.seconds:.2f}; peak memory {built.megabytes:,.0f} MB; "
        f"rows {'DIFFER in ' + ', '.join(differing) if differing else 'equal'}\n"
    )


def simulate(folder: Path, customers: int) -> Path:
    """Returns a warehouse with bronze of a simulated year."""
    first, last = date(2025, 1, 1), date(2025, 12, 31)
    mock_data.generate(folder, customers=customers, seed=7, start=first, end=last)
    path, scratch = folder / "warehouse.duckdb", folder / "scratch"
    run = LoadRun("bench", lambda: datetime(2026, 1, 1), scratch)
    tables = list(read_contract().values())
    with Warehouse(path=str(path), scratch=str(scratch)).connect() as con:
        create_bronze(con, tables)
        create_computed(con)
        for table in tables:
            load_table(con, folder / "landing", table, run)
    return path


def build(warehouse: Path, *, with_tests: bool) -> Contents:
    builder = DbtBuilder(warehouse=str(warehouse))
    # Models are chosen by name, as in the pipeline; any other selection, dbt has to resolve itself.
    nodes = read_manifest()["nodes"].values()
    chosen = [node["name"] for node in nodes if node["resource_type"] in {"model", "seed"}]
    bad = [
        result.unique_id
        for result in builder.build(
            select=[] if with_tests else chosen,
            variables={},
            scratch=warehouse.parent / "scratch",
            anew=True,
        )
        if result.is_bad
    ]
    if bad:
        raise SystemExit(f"failed: {bad}")
    return read_contents(warehouse, "gold")


def run_plain(warehouse: Path, steps: list[str]) -> Contents:
    with duckdb.connect(str(warehouse)) as con:
        con.execute(f"set memory_limit = '{MEMORY}'; set enable_progress_bar = false")
        con.execute("create schema if not exists silver; create schema if not exists gold")
        for step in steps:
            con.execute(step)
    return read_contents(warehouse, "gold")
