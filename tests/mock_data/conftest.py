"""Worlds that several tests read, each generated once."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import mock_data
from landing_contract import read_contract

START, END = date(2025, 1, 1), date(2026, 11, 20)
JANUARY_1, MARCH_31, JUNE_30 = START, date(2025, 3, 31), date(2025, 6, 30)


class Home:
    """What a generation left, read as text with broken lines left out."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def versions(self, table: str) -> pl.DataFrame:
        """Every row of a table's files, oldest file first."""
        declared = read_contract()[table]
        folder = self.path / "landing" / declared.folder
        files = sorted(folder.glob(f"{declared.file_stem}*"), key=lambda p: (len(p.name), p.name))
        return pl.concat([_read(f, declared.column_names) for f in files])

    def table(self, table: str) -> pl.DataFrame:
        """The latest row of each key."""
        key = list(read_contract()[table].key)
        return self.versions(table).unique(key, keep="last", maintain_order=True)

    def truth(self, name: str) -> pl.DataFrame:
        return pl.read_csv(self.path / "truth" / f"{name}.csv", infer_schema=False)


def _read(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    if path.suffix == ".xlsx":
        return pl.read_excel(path, infer_schema_length=0)
    with path.open(encoding="utf-8", newline="") as file:
        lines = [line for line in file if not _is_broken(line)]
    rows = [row for row in csv.reader(lines[1:]) if len(row) == len(columns)]
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _is_broken(line: str) -> bool:
    return line.count('"') % 2 == 1 or '" x' in line or "n/a!" in line or "2025-13-45" in line


Simulate = Callable[..., Home]


@pytest.fixture(scope="session")
def simulate(tmp_path_factory: pytest.TempPathFactory) -> Simulate:
    def run(*ends: date, customers: int = 300, seed: int = 3, **options: object) -> Home:
        home = tmp_path_factory.mktemp("home")
        for end in ends:
            mock_data.generate(
                home, customers=customers, seed=seed, start=START, end=end, **options
            )
        return Home(home)

    return run


@pytest.fixture(scope="session")
def default_world(simulate: Simulate) -> Home:
    return simulate(END, customers=5000, seed=7)


@pytest.fixture(scope="session")
def clean_world(simulate: Simulate) -> Home:
    return simulate(END, customers=800, defects=False)


@pytest.fixture(scope="session")
def whole(simulate: Simulate) -> Home:
    return simulate(JUNE_30)


@pytest.fixture(scope="session")
def split(simulate: Simulate) -> Home:
    return simulate(MARCH_31, JUNE_30)
