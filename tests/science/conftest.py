"""The simulated retailer that several tests read, made once."""

import pytest

from tests.pipeline_runs import make_once
from tests.science.retailer import Retailer, simulate


@pytest.fixture(scope="session")
def retailer(tmp_path_factory: pytest.TempPathFactory) -> Retailer:
    return Retailer(make_once(tmp_path_factory, "retailer", simulate))
