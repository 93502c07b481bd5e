"""The pipeline on a small world: called as a user would, and run once for all tests."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from c360_dagster.dbt_runner import dbt_project
from c360_dagster.dbt_runner.rendered import FOLDER
from c360_dagster.settings import REPOSITORY

SMALL = {"C360_CUSTOMERS": "120", "C360_END_DATE": "2025-03-31"}
A_MONTH_LATER = "2025-04-30"
MATERIALIZE = ["dagster", "asset", "materialize", "--select", "*", "-m", "c360_dagster.definitions"]


def call(
    home: Path, *command: str, cwd: Path = REPOSITORY, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m …` in a process of its own, as a user would, with DAGSTER_HOME unset."""
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


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Returns a folder that the first test process to ask makes; the others only read it."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, done = root / name, root / f"{name}.done"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def copy_home(source: Path, target: Path, *names: str) -> Path:
    """Copies the named parts of a home, or all of it."""
    target.mkdir(exist_ok=True)
    for path in source.iterdir():
        if names and path.name not in names:
            continue
        if path.is_dir():
            shutil.copytree(path, target / path.name, symlinks=True)
        else:
            shutil.copy(path, target / path.name)
    return target


def forget_rendered(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Makes dbt start with a parsed project but nothing rendered.

    Returns the folder in which what dbt renders will be kept.
    """
    dbt_project.read_manifest()
    target = folder / "target"
    target.mkdir()
    for name in (*dbt_project.PARSED, dbt_project.STAMP):
        (target / name).symlink_to(dbt_project.TARGET / name)
    patch.setattr(dbt_project, "TARGET", target)
    return target / FOLDER


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()
