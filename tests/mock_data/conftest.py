"""Simulated worlds that several tests read, each made once."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

import mock_data
from tests.mock_data.home import Home, Simulate
from tests.pipeline_runs import make_once

START, END = date(2025, 1, 1), date(2026, 11, 20)
MARCH_31, JUNE_30 = date(2025, 3, 31), date(2025, 6, 30)


@pytest.fixture(scope="session")
def simulate(tmp_path_factory: pytest.TempPathFactory) -> Simulate:
    def run(*ends: date, **options: Any) -> Home:  # noqa: ANN401
        home = tmp_path_factory.mktemp("home")
        generate(home, *ends, **options)
        return Home(home)

    return run


def generate(
    home: Path,
    *ends: date,
    customers: int = 300,
    seed: int = 3,
    **options: Any,  # noqa: ANN401
) -> None:
    for end in ends:
        mock_data.generate(home, customers=customers, seed=seed, start=START, end=end, **options)


@pytest.fixture(scope="session")
def default_world(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A world of the default size and of almost two years. It is the only one that takes long."""

    def make(home: Path) -> None:
        generate(home, END, customers=5000, seed=7)

    return Home(make_once(tmp_path_factory, "default_world", make))


@pytest.fixture(scope="session")
def clean_world(simulate: Simulate) -> Home:
    return simulate(END, customers=800, defects=False)


@pytest.fixture(scope="session")
def whole(simulate: Simulate) -> Home:
    return simulate(JUNE_30)


@pytest.fixture(scope="session")
def split(simulate: Simulate) -> Home:
    return simulate(MARCH_31, JUNE_30)
