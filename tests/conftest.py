"""What all tests share: homes in which the pipeline has run, the cores, the order of test files."""

import json
import os
import shutil
from pathlib import Path

import pytest

from c360_dagster.imports import collect_garbage_less_often

collect_garbage_less_often()
if "PYTEST_XDIST_WORKER" in os.environ:  # several processes with threads would compete for cores
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

FIRST = (
    "tests/test_counts.py",
    "tests/dashboard/test_pages.py",
    "tests/test_commands.py",
    "tests/history/test_backfill.py",
    "tests/test_faults.py",
    "tests/test_days.py",
    "tests/test_ui.py",
    "tests/test_pipeline.py",
    "tests/test_extremes.py",
    "tests/dbt_runner/test_build.py",
    "tests/dbt/test_as_of.py",
    "tests/test_automation.py",
)
"""The slowest test files, which start first. One worker runs a whole file, so a slow file at the
end would leave the other workers idle. The first file makes the shared home while another worker
tests the dashboard.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.nodeid.split("::")[0], len(order)))


@pytest.fixture(scope="session")
def home_after_first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after its first run, which tests may read or copy but not change.

    `counted.json` in it says how much that run did.
    """
    from tests.pipeline_runs import make_once  # noqa: PLC0415  seconds of imports, only where needed

    return make_once(tmp_path_factory, "home_after_first_run", _make_first_run)


@pytest.fixture(scope="session")
def home_after_second_run(
    home_after_first_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The same home after a second run a month later; `counted.json` says what that run did."""
    from tests.counted import run_pipeline  # noqa: PLC0415  the same
    from tests.pipeline_runs import A_MONTH_LATER, copy_home, make_once  # noqa: PLC0415  the same

    def make_second_run(home: Path) -> None:
        copy_home(home_after_first_run, home)
        counted = run_pipeline(home, C360_END_DATE=A_MONTH_LATER)
        (home / "counted.json").write_text(json.dumps(counted))

    return make_once(tmp_path_factory, "home_after_second_run", make_second_run)


def _make_first_run(home: Path) -> None:
    """Makes a first run for which dbt has rendered nothing yet.

    What dbt renders is then copied to the project, so that later tests need not render it again.
    """
    from c360_dagster.dbt_runner import dbt_project  # noqa: PLC0415  the same
    from tests.counted import run_pipeline  # noqa: PLC0415  the same
    from tests.pipeline_runs import forget_rendered  # noqa: PLC0415  the same

    with pytest.MonkeyPatch.context() as patch:
        shelf = forget_rendered(home, patch)
        counted = run_pipeline(home)
    shutil.copytree(shelf, dbt_project.TARGET / shelf.name, dirs_exist_ok=True)
    shutil.rmtree(shelf.parent)
    (home / "counted.json").write_text(json.dumps(counted))
