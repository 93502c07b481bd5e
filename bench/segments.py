"""Measures segments with the stability of each number of clusters, scores, suggestions, campaigns.

All customers are drawn at random here.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from bench.measure import measure
from c360_dagster.science.affinity import recommend
from c360_dagster.science.campaigns import effects
from c360_dagster.science.scores import SCORE_FEATURES, scores
from c360_dagster.science.segmentation import fit_segments

ITEMS, PURCHASES, CONTACTS, CAMPAIGNS = 240, 8, 3, 20


def main(arguments: list[str]) -> None:
    customers = int(arguments[0]) if arguments else 100_000
    parts: dict[str, Callable[[int], object]] = {
        "segments": run_segments,
        "scores": run_scores,
        "suggestions": run_recommendations,
        "campaigns": run_campaigns,
    }
    for name, run in parts.items():
        measured = measure(run, customers)
        sys.stdout.write(
            f"{name} of {customers:,} customers: {measured.result}, "
            f"peak memory {measured.megabytes:,.0f} MB\n"
        )


def run_segments(customers: int) -> object:
    """Times segments of five groups of people that overlap, with six features."""
    rng = np.random.default_rng(1)
    centres = rng.normal(0.0, 1.6, (5, 6))[rng.integers(0, 5, customers)]
    values = np.exp(centres + 0.8 * rng.normal(size=(customers, 6)))
    names = ["a", "b", "c", "d", "e", "f"]
    return _time(fit_segments, _with_ids(pl.DataFrame(values, schema=names)))


def run_scores(customers: int) -> object:
    rng = np.random.default_rng(1)
    values = rng.exponential(3.0, (customers, len(SCORE_FEATURES)))
    return _time(scores, _with_ids(pl.DataFrame(values, schema=list(SCORE_FEATURES))))


def run_recommendations(customers: int) -> object:
    return _time(recommend, draw_purchases(customers, ITEMS), 5)


def draw_purchases(customers: int, items: int) -> pl.DataFrame:
    """Draws purchases of customers each of whom likes one of eight parts of the catalogue."""
    rng = np.random.default_rng(1)
    customer = np.repeat(np.arange(customers), PURCHASES)
    liked = rng.random(len(customer)) < 0.7
    part = items // 8
    item = np.where(
        liked,
        customer % 8 * part + (rng.random(len(customer)) ** 2 * part).astype(int),
        rng.integers(0, items, len(customer)),
    )
    return pl.DataFrame(
        {
            "customer_id": pl.Series(customer).cast(pl.String),
            "item": pl.Series(item).cast(pl.String),
            "order_date": rng.integers(0, 600, len(customer)),
        }
    )


def run_campaigns(customers: int) -> object:
    return _time(effects, draw_contacts(customers), "revenue", ["campaign_id", "cluster_id"])


def draw_contacts(customers: int) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    size = customers * CONTACTS
    return pl.DataFrame(
        {
            "campaign_id": rng.integers(0, CAMPAIGNS, size),
            "cluster_id": rng.integers(1, 6, size),
            "group": np.where(rng.random(size) < 0.65, "treatment", "control"),
            "revenue": np.where(rng.random(size) < 0.1, rng.exponential(50.0, size), 0.0),
        }
    )


def _with_ids(features: pl.DataFrame) -> pl.DataFrame:
    ids = pl.Series("customer_id", np.arange(features.height)).cast(pl.String)
    return features.insert_column(0, ids)


def _time(function: Callable[..., object], *arguments: object) -> str:
    """Returns the time of the function alone, without making its data."""
    began, busy = time.perf_counter(), time.process_time()
    function(*arguments)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    return f"{seconds:.2f} s ({busy:.2f} CPU s)"
