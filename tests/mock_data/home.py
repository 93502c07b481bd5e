"""Reads what the simulator wrote, for the tests."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from landing_contract import read_contract


class Home:
    """The simulator's files, read as text without broken lines; each table is read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._versions: dict[str, pl.DataFrame] = {}

    def versions(self, table: str) -> pl.DataFrame:
        """Returns every row of a table's files, oldest file first."""
        if table not in self._versions:
            self._versions[table] = self._read_versions(table)
        return self._versions[table]

    def _read_versions(self, table: str) -> pl.DataFrame:
        declared = read_contract()[table]
        folder = self.path / "landing" / declared.folder
        files = sorted(folder.glob(f"{declared.file_stem}*"), key=lambda p: (len(p.name), p.name))
        return pl.concat([_read(f, declared.column_names) for f in files])

    def table(self, table: str) -> pl.DataFrame:
        """Returns the latest row of each key."""
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


def number(value: Any) -> float:  # noqa: ANN401
    """Converts a statistic, for which polars declares no definite type, to a float."""
    return float(value)
