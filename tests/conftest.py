"""What tests of every folder share: a home that was walked once, and the order of the files."""

from pathlib import Path

import pytest

from tests.road import call, make_once

FIRST = (
    "tests/test_pipeline.py",
    "tests/dashboard/test_pages.py",
    "tests/test_commands.py",
    "tests/test_counts.py",
    "tests/history/test_backfill.py",
    "tests/test_faults.py",
    "tests/test_ui.py",
    "tests/resources/test_dbt.py",
    "tests/dbt/test_as_of.py",
    "tests/test_automation.py",
)
"""The files that take longest. A file is one worker's, so one of them at the end would leave the
others idle; and one worker walks the home that is shared while another looks at the dashboard.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: number for number, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.nodeid.split("::")[0], len(order)))


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after `make run`, and in `said.txt` what that said: to be read, or to be copied."""
    return make_once(tmp_path_factory, "walked", _walk)


def _walk(home: Path) -> None:
    done = call(home, "c360_dagster", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    (home / "said.txt").write_text(done.stdout + done.stderr)
