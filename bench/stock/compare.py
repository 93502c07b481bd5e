"""Compares ours with stock parts: the same command goes from an empty home to published files."""

import subprocess
import sys
import tempfile
from pathlib import Path

from bench.checksums import combine, find_differences, read_contents
from bench.figures import STOCK, Figure
from bench.measure import watch
from bench.road import (
    PipelineRun,
    environment,
    make_settings,
    materialize_command,
    run_without_defects,
)
from bench.table import format_table
from c360_dagster.dbt_runner.dbt_project import PROJECT
from c360_dagster.settings import REPOSITORY


def main(arguments: list[str]) -> None:
    customers = int(arguments[0]) if arguments else 5000
    with tempfile.TemporaryDirectory(prefix="c360_bench_") as folder:
        pipeline = run_without_defects(Path(folder), customers)
        figure = compare(customers, pipeline, Path(folder))
    sys.stdout.write(format_table([figure]))


def compare(customers: int, pipeline: PipelineRun, folder: Path) -> Figure:
    """Measures the stock parts; the project is parsed before, as it is for ours."""
    settings = make_settings(folder / "stock", customers, C360_DEFECTS="off")
    settings.dagster_home.mkdir(parents=True)
    variables = environment(settings) | {
        "DBT_C360_WAREHOUSE": str(settings.warehouse),
        "DBT_TARGET_PATH": str(settings.home / "target"),
        "DBT_LOG_PATH": str(settings.home / "target"),
    }
    parse = [str(Path(sys.executable).parent / "dbt"), "parse", "--quiet"]
    project = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    subprocess.run([*parse, *project], env=variables, check=True, capture_output=True)
    ran = watch(
        materialize_command("*", "bench.stock.definitions"),
        environment=variables,
        folder=REPOSITORY,
        errors=True,
    )
    theirs = read_contents(settings.published / "c360.duckdb", "gold")
    ours = pipeline.contents["publish"]
    content = combine(theirs)
    return Figure(
        customers=customers,
        name=STOCK,
        rows=content.rows,
        checksum=content.checksum,
        seconds=ran.seconds,
        cpu_seconds=ran.cpu_seconds,
        megabytes=ran.megabytes,
        against="ours",
        against_seconds=pipeline.whole.seconds,
        ratio=ran.seconds / pipeline.whole.seconds,
        is_same=not find_differences(ours, theirs),
    )
