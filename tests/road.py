"""The commands that people type, called as they would call them."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from c360_dagster.resources import dbt
from c360_dagster.resources.rendered import FOLDER
from c360_dagster.settings import REPOSITORY

SMALL = {"C360_CUSTOMERS": "120", "C360_END_DATE": "2025-03-31"}
MATERIALIZE = ["dagster", "asset", "materialize", "--select", "*", "-m", "c360_dagster.definitions"]


def call(
    home: Path, *command: str, cwd: Path = REPOSITORY, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a module of the environment's Python as a user would, DAGSTER_HOME unset."""
    environment = os.environ | SMALL | {"C360_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    environment.pop("DAGSTER_HOME", None)
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def know_nothing(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """The project as parsed, and no build of it known; returns where what is found out is put."""
    dbt.read_manifest()
    target = folder / "target"
    target.mkdir()
    for name in (*dbt.PARSED, dbt.STAMP):
        (target / name).symlink_to(dbt.TARGET / name)
    patch.setattr(dbt, "TARGET", target)
    return target / FOLDER


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()
