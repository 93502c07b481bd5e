"""Simulating a retailer: rows a second over all CSV files, workbooks apart."""

import sys
import tempfile
from datetime import date
from pathlib import Path

import mock_data
from bench.measure import measure


def main(arguments: list[str]) -> None:
    people = int(arguments[0]) if arguments else 100_000
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(generate, Path(folder), people)
    rows = int(str(measured.result))
    sys.stdout.write(
        f"{people:,} people: {rows:,} rows in {measured.seconds:.1f} s, "
        f"{rows / measured.seconds:,.0f} rows/s, peak memory {measured.megabytes:,.0f} MB\n"
    )


def generate(home: Path, people: int) -> object:
    made = mock_data.generate(
        home, customers=people, seed=7, start=date(2025, 1, 1), end=date(2026, 11, 20)
    )
    return made.rows
