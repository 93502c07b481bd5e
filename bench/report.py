"""`make bench`: measures every promise about speed and memory in one call and prints one table.

Writes bench/results.json and the picture in docs/; the exit code is 1 if a promise is broken,
results differ, or a part could not be measured.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import generation, marts, ui
from bench.chart import draw_chart
from bench.checksums import Contents
from bench.figures import DEMO, Figure, complain, describe
from bench.road import compare, compare_growth, run_limit, run_without_defects, time_demo
from bench.stock import compare as stock
from bench.table import format_table
from c360_dagster.settings import REPOSITORY

RESULTS = REPOSITORY / "bench" / "results.json"
PICTURE = REPOSITORY / "docs" / "pictures" / "road.svg"
PROGRAMS = ("dagster", "dbt-core", "dbt-duckdb", "duckdb", "polars", "pandas")
GIGABYTE = 1 << 30


def main(arguments: list[str]) -> int:
    """Takes numbers of customers; the smallest is also compared with Faker and stock parts."""
    sizes = sorted({int(argument) for argument in arguments}) or [DEMO]
    figures: list[Figure] = []
    failed: list[str] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="c360_bench_") as folder:
            figures += measure_size(size, Path(folder), failed, is_first=size == sizes[0])
    figures = sorted([*figures, *compare_growth(figures)], key=lambda figure: figure.customers)
    sys.stdout.write(format_table(figures))
    results = write_results(figures)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw_chart(results), "utf-8")
    problems = [*failed, *complain(figures)]
    sys.stderr.write("".join(f"{sentence}\n" for sentence in problems))
    return 1 if problems else 0


def measure_size(size: int, folder: Path, failed: list[str], *, is_first: bool) -> Iterator[Figure]:
    """Measures everything at one size; if a part fails, it is noted in `failed` and left out."""
    say(f"{size:,} customers: the pipeline and the limit …")
    pipeline = run_without_defects(folder, size)
    generated, *figures = compare(size, pipeline, run_limit(folder, pipeline))
    warehouse = pipeline.settings.warehouse
    parts: dict[str, Callable[[], Iterable[Figure]]] = {
        "six marts, and the same in pandas": lambda: marts.compare(
            size, pipeline.settings.landing, warehouse, folder
        )
    }
    if is_first:
        say(f"{size:,} customers: the simulator and a script that uses Faker …")
        generated = compare_faker(generated, pipeline.contents["bronze"], folder)
        parts |= {
            "first runs, and a refresh with nothing new": lambda: time_demo(folder, size),
            "`make ui` and an empty project": lambda: [ui.compare(size, folder)],
            "stock Dagster and dbt, a few minutes": lambda: [stock.compare(size, pipeline, folder)],
        }
    yield generated
    yield from figures
    for name, part in parts.items():
        say(f"{size:,} customers: {name} …")
        try:
            yield from part()
        except (SystemExit, OSError, subprocess.SubprocessError) as problem:
            failed.append(f"{size:,} customers, {name}: not measured: {problem}")


def compare_faker(generated: Figure, bronze: Contents, folder: Path) -> Figure:
    rows = {name: content.rows for name, content in bronze.items()}
    faker = generation.run_faker(generation.describe_mix(rows), folder)
    if faker is None or not generated.rows_a_second:
        return generated
    return replace(generated, against="Faker", ratio=generated.rows_a_second / faker)


def write_results(figures: list[Figure]) -> dict[str, Any]:
    results = {
        "machine": describe_machine(),
        "figures": [describe(figure) for figure in figures],
        "broken": complain(figures),
    }
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return results


def describe_machine() -> dict[str, Any]:
    """Returns what the seconds depend on, without anything that reveals whose machine it is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processors": os.cpu_count(),
        "memory_gb": round(memory / GIGABYTE, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{program: version(program) for program in PROGRAMS},
    }


def say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
