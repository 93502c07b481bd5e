"""One resolved world, shared by the tests that only read it."""

import polars as pl
import pytest

from c360_dagster.identity import Resolution, resolve
from tests.identity.worlds import world


@pytest.fixture(scope="session")
def known_world() -> pl.DataFrame:
    return world(600)


@pytest.fixture(scope="session")
def resolved(known_world: pl.DataFrame) -> Resolution:
    return resolve(known_world)
