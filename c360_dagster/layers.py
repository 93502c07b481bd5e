"""The layers of the pipeline, defined once: their names, owners, and how their assets are drawn.

Also how old a layer may get: Dagster's daemon watches that, and the UI shows it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg


@dataclass(frozen=True)
class Freshness:
    """How old a table may be before Dagster warns about it, and before it counts as failed."""

    warn: timedelta
    fail: timedelta


DAILY = Freshness(warn=timedelta(hours=26), fail=timedelta(hours=36))
"""A morning's run may end two hours later than the last one; by the evening it has failed."""


@dataclass(frozen=True)
class Layer:
    name: str
    """Schema in the warehouse, first part of every asset key, and group in the graph."""
    owner: str
    kinds: frozenset[str]
    freshness: Freshness | None = DAILY


# Landing has no limits, because the simulator makes its files, and `make refresh` makes none. The
# events in the files tell how old they are; checks/recency.py looks at these.
LANDING = Layer("landing", "team:data-engineering", frozenset({"csv"}), freshness=None)
BRONZE = Layer("bronze", "team:data-engineering", frozenset({"duckdb"}))
SILVER = Layer("silver", "team:analytics-engineering", frozenset({"dbt", "duckdb"}))
IDENTITY = Layer("identity", "team:data-science", frozenset({"polars", "duckdb"}))
GOLD = Layer("gold", "team:analytics-engineering", frozenset({"dbt", "duckdb"}))
SCIENCE = Layer("science", "team:data-science", frozenset({"polars", "duckdb"}))
PUBLISHED = Layer("published", "team:analytics-engineering", frozenset({"duckdb", "parquet"}))
AUDIENCES = Layer("audiences", "team:marketing", frozenset({"csv", "parquet"}))

LAYERS = (LANDING, BRONZE, SILVER, IDENTITY, GOLD, SCIENCE, PUBLISHED, AUDIENCES)


def add_freshness(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Returns the same assets, each with the freshness policy of its layer."""
    return [each.map_asset_specs(_add_freshness_to_spec) for each in assets]


def _add_freshness_to_spec(spec: dg.AssetSpec) -> dg.AssetSpec:
    window = next(layer.freshness for layer in LAYERS if layer.name == spec.key.path[0])
    if window is None:
        return spec
    policy = dg.FreshnessPolicy.time_window(fail_window=window.fail, warn_window=window.warn)
    fresh: dg.AssetSpec = dg.apply_freshness_policy(spec, policy)
    return fresh
