"""How much one small run does. Unlike the time it takes, this does not depend on the machine."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from c360_dagster.building.changes import begin_build
from tests.counted import Counted, run_pipeline
from tests.pipeline_runs import A_MONTH_LATER, SMALL, copy_home

BOUNDS: dict[str, float] = {
    "dbt starts": 3,  # before identity, between identity and science, and after science
    "statements of a node": 2.9,
    "connections to the warehouse": 22,  # three for each part of dbt; two of the three cost nothing
    "steps": 12,
    "events of an asset or check": 3.3,
    "bytes of log for an asset or check": 11_500,
    "landing files read": 23,
}
"""The most that a first run may do. If it needs more, raise the bound and give the reason here."""
BOUNDS_WHEN_RENDERED = BOUNDS | {"dbt starts": 0, "statements of a node": 0}
"""The most that a run may do after dbt has rendered the project once."""
BOUNDS_WHEN_CONTINUED = BOUNDS | {
    "landing files read": 0,
    "dbt starts": 1,
    "statements of a node": 0.1,
    "nodes sent": 5,  # the publication's table, and what reads the recorded days
}
"""The most that a run may do when it continues the last build for the first time and nothing is
new in landing. All other tables stay as they are, and what was rendered for whole builds tells dbt
which nodes are left.
"""
SLOW = {"dbt", "mock_data", "numpy", "pandas", "pyarrow", "scipy", "sklearn", "splink", "sqlglot"}
"""Packages that take long to import. The UI and a run that finds nothing new need none of them."""


@dataclass
class Runs:
    first: Counted
    second: Counted
    continued: Counted


@pytest.fixture(scope="module")
def runs(
    home_after_first_run: Path,
    home_after_second_run: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Runs:
    home = copy_home(home_after_second_run, tmp_path_factory.mktemp("home"))
    first, second = (
        json.loads((each / "counted.json").read_text())
        for each in (home_after_first_run, home_after_second_run)
    )
    with pytest.MonkeyPatch.context() as patch:
        at_any_size = partial(begin_build, worthwhile=0)
        patch.setattr("c360_dagster.assets.dbt.begin_build", at_any_size)
        return Runs(first, second, continued=run_pipeline(home, C360_END_DATE=A_MONTH_LATER))


@pytest.mark.parametrize("what", BOUNDS)
def test_a_first_run_stays_within_its_bounds(runs: Runs, what: str) -> None:
    assert 0 < runs.first[what] <= BOUNDS[what], _explain(what, runs.first, BOUNDS)


@pytest.mark.parametrize("what", BOUNDS_WHEN_RENDERED)
def test_a_run_with_rendered_models_stays_within_its_bounds(runs: Runs, what: str) -> None:
    assert runs.second[what] <= BOUNDS_WHEN_RENDERED[what], _explain(
        what, runs.second, BOUNDS_WHEN_RENDERED
    )


@pytest.mark.parametrize("what", BOUNDS_WHEN_CONTINUED)
def test_a_run_that_continues_the_last_stays_within_its_bounds(runs: Runs, what: str) -> None:
    assert runs.continued[what] <= BOUNDS_WHEN_CONTINUED[what], _explain(
        what, runs.continued, BOUNDS_WHEN_CONTINUED
    )


def test_later_imports_begin_ahead_only_if_something_was_loaded(runs: Runs) -> None:
    assert runs.first["imports ahead"] == 1
    assert runs.continued["imports ahead"] == 0


def test_slow_packages_are_imported_only_where_needed(tmp_path: Path) -> None:
    command = "import sys, c360_dagster.served; print(*{m.partition('.')[0] for m in sys.modules})"
    ran = subprocess.run(
        [sys.executable, "-c", command],
        env=os.environ | {"C360_HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    imported = {*ran.stdout.split()}
    assert "c360_dagster" in imported
    assert not SLOW & imported


def _explain(what: str, counted: Counted, bounds: dict[str, float]) -> str:
    return (
        f"One run of {SMALL['C360_CUSTOMERS']} customers came to {counted[what]:,.1f} {what}, and "
        f"{bounds[what]:,.1f} are allowed. Do less, or say in BOUNDS why it takes more."
    )
