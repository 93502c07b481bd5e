"""Measures simulating a retailer, in rows per second, against Faker; workbooks count separately."""

import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from unittest.mock import patch

import mock_data
from bench.measure import Measured, measure
from landing_contract import Table, read_contract
from mock_data import generation
from mock_data.batch import Rows
from mock_data.workbook import write_workbook
from mock_data.world import World

FAKER = "faker>=30"
FAKER_ROWS = 100_000
"""Enough for a steady rate, because in a given table every row costs Faker the same."""


@dataclass(frozen=True)
class Simulated:
    files: dict[str, int]
    seconds_in_workbooks: float

    @property
    def csv_rows(self) -> int:
        return sum(rows for name, rows in self.files.items() if name.endswith(".csv"))

    @property
    def workbook_rows(self) -> int:
        return sum(self.files.values()) - self.csv_rows


def main(arguments: list[str]) -> None:
    people = int(arguments[0]) if arguments else 100_000
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(generate, Path(folder), people)
        ours = _report(people, measured)
        _compare_with_faker(Path(folder), measured.result, ours)


def generate(home: Path, people: int) -> Simulated:
    """Simulates people, and times the workbooks, which are written last, one after the other."""
    spent = 0.0

    def write_timed(path: Path, world: World, table: Table, parts: list[Rows]) -> int:
        nonlocal spent
        began = time.perf_counter()
        mixed = write_workbook(path, world, table, parts)
        spent += time.perf_counter() - began
        return mixed

    with patch.object(generation, "write_workbook", write_timed):
        made = mock_data.generate(
            home, customers=people, seed=7, start=date(2025, 1, 1), end=date(2026, 11, 20)
        )
    return Simulated(made.files, spent)


def _report(people: int, measured: Measured[Simulated]) -> float:
    """Prints what was measured; returns the rows per second over the CSV files."""
    made = measured.result
    seconds = measured.seconds - made.seconds_in_workbooks
    sys.stdout.write(
        f"{people:,} people: {made.csv_rows:,} rows of CSV in {seconds:.1f} s, "
        f"{made.csv_rows / seconds:,.0f} rows/s; "
        f"{made.workbook_rows:,} rows of Excel in another {made.seconds_in_workbooks:.1f} s; "
        f"peak memory {measured.megabytes:,.0f} MB\n"
    )
    return made.csv_rows / seconds


def _compare_with_faker(folder: Path, made: Simulated, ours: float) -> None:
    stems = {f"{t.folder}/{t.file_stem}.csv": t.name for t in read_contract().values()}
    rows = {stems[name]: count for name, count in made.files.items() if name in stems}
    theirs = run_faker(describe_mix(rows), folder)
    if theirs is not None:
        sys.stdout.write(
            f"Faker, row by row, the same mix of CSV files: {theirs:,.0f} rows/s; "
            f"ours is {ours / theirs:.0f} times as fast\n"
        )


def run_faker(mix: list[dict], folder: Path) -> float | None:
    """Returns the rows per second of faker_script.py; None if pip could not install Faker.

    The script runs in a virtual environment of its own.
    """
    python = folder / "with_faker" / "bin" / "python"
    venv.create(folder / "with_faker", with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-input", FAKER]
    if subprocess.run(install, check=False, capture_output=True).returncode:
        sys.stderr.write("Not compared with Faker: pip could not install it.\n")
        return None
    listed = folder / "mix.json"
    listed.write_text(json.dumps(mix), "utf-8")
    (folder / "by_faker").mkdir()
    script = Path(__file__).with_name("faker_script.py")
    ran = subprocess.run(
        [python, script, listed, folder / "by_faker"], check=True, capture_output=True
    )
    result = json.loads(ran.stdout)
    rate: float = result["rows"] / result["seconds"]
    return rate


def describe_mix(rows: Mapping[str, int]) -> list[dict]:
    """Returns each table's columns and the number of rows that Faker makes for it."""
    share = min(1.0, FAKER_ROWS / sum(rows.values()))
    return [
        {
            "name": table.name,
            "columns": [(column.name, column.type) for column in table.columns],
            "rows": round(rows[table.name] * share),
        }
        for table in read_contract().values()
        if table.name in rows
    ]
