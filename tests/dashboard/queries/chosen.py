"""Helpers of these tests: filters over a period, and two columns as a dictionary."""

from datetime import date
from typing import Any

import polars as pl

from c360_dashboard.filters import Filters, read_period
from tests.dashboard.small_snapshot import AS_OF

FIRST = date(2025, 1, 2)


def chosen(period: str = "26w", **more: Any) -> Filters:  # noqa: ANN401  any filter
    return Filters(read_period(period, AS_OF, FIRST), **more)


def pairs(frame: pl.DataFrame, key: str, value: str) -> dict[Any, Any]:
    return dict(frame.select(key, value).iter_rows())
