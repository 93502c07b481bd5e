"""Measures all of science at one size: the time of each part, and the memory of the whole.

The customers are drawn at random here, so that no run is needed first: orders for the forecast,
features for the segments, purchases of items for the suggestions and contacts for the campaigns.
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import polars as pl

from bench.lifetime import AS_OF, DAYS, HORIZON, draw_orders
from bench.measure import measure
from bench.segments import ITEMS, draw_contacts, draw_purchases
from c360_dagster.assets.science import work_in_one_thread

WARM_UP_CUSTOMERS = 500


def main(arguments: list[str]) -> None:
    for customers in map(int, arguments or ["5000", "1000000"]):
        measured = measure(time_each, customers)
        sys.stdout.write(
            f"science of {customers:,} customers: {measured.result}; "
            f"peak memory {measured.megabytes:,.0f} MB\n"
        )


def time_each(customers: int) -> str:
    """Returns the seconds of each part by clock and processor.

    A first small round, which also imports what is imported on first use, counts separately.
    """
    began, busy = time.perf_counter(), time.process_time()
    _run_all(WARM_UP_CUSTOMERS, {})
    parts = [_format_times("imports and 500 customers", began, busy)]
    steps: dict[str, str] = {}
    with work_in_one_thread():
        _run_all(customers, steps)
    return ", ".join([*parts, *(f"{name} {took}" for name, took in steps.items())])


Lap = Callable[[str, Callable[[], object]], None]


def _run_all(customers: int, steps: dict[str, str]) -> None:
    def lap(name: str, run: Callable[[], object]) -> None:
        began, busy = time.perf_counter(), time.process_time()
        run()
        steps[name] = _format_times("", began, busy)

    for part in (_run_forecasts, _run_segments, _run_suggestions, _run_campaigns):
        part(customers, lap)


def _run_forecasts(customers: int, lap: Lap) -> None:
    from c360_dagster.science import lifetime_value as value  # noqa: PLC0415  as in the pipeline
    from c360_dagster.science.answers.forecasts import answer_forecasts  # noqa: PLC0415

    orders = draw_orders(customers)
    summary = value.summarise(orders, AS_OF)
    plan = value.plan_rehearsal(AS_OF - timedelta(days=DAYS), AS_OF, HORIZON)
    past_plan = value.plan_rehearsal(plan.first_day, plan.cutoff, plan.window_days)
    rows, past = (value.measure_customers(orders, each) for each in (plan, past_plan))

    def fit() -> None:
        value.fit_bgnbd(summary)
        value.fit_mbgnbd(summary)
        value.fit_gamma_gamma(summary)

    lap("three models fitted", fit)
    lap("forecast", lambda: value.forecast_from(rows, plan))
    lap("two forecasts, one judged", lambda: answer_forecasts(rows, plan, past, past_plan, None))


def _run_segments(customers: int, lap: Lap) -> None:
    from c360_dagster.science.answers.segments import answer_segments  # noqa: PLC0415

    features = draw_features(customers)
    nobody = pl.DataFrame(schema={"customer_id": pl.String, "cluster_id": pl.Int64})
    lap("segments with the stability of each k", lambda: answer_segments(features, nobody, None))


def _run_suggestions(customers: int, lap: Lap) -> None:
    from c360_dagster.science.answers.suggestions import answer_suggestions  # noqa: PLC0415

    bought = draw_purchases(customers, ITEMS)
    kind = pl.col("item").str.slice(-1)
    no = pl.lit(value=False)
    items = bought.select("item", kind=kind, is_withdrawn=no, is_inferred=no).unique()
    lap("suggestions", lambda: answer_suggestions(bought, items, is_simulated=False))


def _run_campaigns(customers: int, lap: Lap) -> None:
    from c360_dagster.science.answers.campaigns import answer_campaigns  # noqa: PLC0415

    contacts = draw_contacts(customers).with_columns(
        is_converted=(pl.col("revenue") > 0).cast(pl.Int64)
    )
    lap("campaigns", lambda: answer_campaigns(contacts, None))


def draw_features(customers: int) -> pl.DataFrame:
    """Draws rows of int_customer_features, of five kinds of people that overlap."""
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 5, customers)

    def vary(middles: list[float], spread: float) -> np.ndarray:
        drawn = np.array(middles)[kind] * rng.lognormal(0, spread, customers)
        return np.asarray(drawn.round(6))

    orders = np.maximum(vary([20, 6, 4, 2, 6], 0.6).astype(int), 1)
    return pl.DataFrame(
        {
            "customer_id": pl.Series(np.arange(customers)).cast(pl.String),
            "orders": orders,
            "recency_days": vary([20, 60, 250, 80, 60], 0.7).astype(int),
            "span_days": vary([400, 250, 200, 150, 250], 0.4).astype(int) * (orders > 1),
            "online_share": rng.random(customers),
            "channels": rng.integers(1, 4, customers),
            "sessions_90d": rng.poisson(2, customers),
            "avg_order_value": vary([60, 60, 200, 200, 25], 0.5),
            "price_level": np.minimum(vary([0.5, 0.5, 0.8, 0.8, 0.25], 0.2), 1.0),
            "discount_share": np.minimum(vary([0.2, 0.2, 0.1, 0.1, 0.7], 0.4), 1.0),
            "orders_per_month": vary([1.6, 0.6, 0.4, 0.3, 0.6], 0.5),
            "silence": vary([0.5, 0.8, 4.0, 0.8, 0.8], 0.6),
            "evidence": np.minimum(orders, 3) / 3,
        }
    )


def _format_times(name: str, began: float, busy: float) -> str:
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    return f"{name} {seconds:.2f} s ({busy:.2f} CPU s)".strip()
