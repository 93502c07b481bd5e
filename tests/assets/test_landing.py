"""A retailer is simulated only in a home that never had a user's own files, however empty it is."""

from pathlib import Path

import dagster as dg
import pytest

from c360_dagster.assets.landing import build_landing
from c360_dagster.resources.lock import HomeLock
from c360_dagster.settings import read_settings


def simulate_landing(home: Path) -> list[str]:
    """Runs the step that simulates; returns the files that then lie in landing."""
    settings = read_settings(
        {"C360_HOME": str(home), "C360_CUSTOMERS": "3", "C360_END_DATE": "2025-01-02"}
    )
    done = dg.materialize(
        [build_landing(settings)], resources={"lock": HomeLock(home=str(home), timeout=5)}
    )
    assert done.success
    return [path.name for path in settings.landing.rglob("*.csv")]


def test_an_empty_landing_that_held_a_users_files_stays_empty(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its disk may not be mounted, or the files may have been deleted once they were loaded."""
    (tmp_path / "registry").mkdir()
    assert simulate_landing(tmp_path) == []
    assert "and files of your own were loaded before. If it is on" in capfd.readouterr().err
    assert not (tmp_path / "truth").exists()


def test_a_simulated_landing_that_was_deleted_is_simulated_again(tmp_path: Path) -> None:
    for name in ("registry", "truth"):
        (tmp_path / name).mkdir()
    assert "transactions.csv" in simulate_landing(tmp_path)


def test_a_link_to_nowhere_counts_as_a_users_file(tmp_path: Path) -> None:
    folder = tmp_path / "landing" / "sales"
    folder.mkdir(parents=True)
    (folder / "transactions.csv").symlink_to(tmp_path / "another-disk" / "transactions.csv")
    assert simulate_landing(tmp_path) == ["transactions.csv"]
