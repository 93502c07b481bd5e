"""Retailers that several tests read, each simulated once."""

import pytest

from tests.science.retailer import Retailer


@pytest.fixture(scope="session")
def retailer(tmp_path_factory: pytest.TempPathFactory) -> Retailer:
    return Retailer(tmp_path_factory.mktemp("retailer"), seed=7)
