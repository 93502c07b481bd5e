"""Measures a forecast for a million customers: summarising orders, fitting models, forecasting."""

import sys
import time
from datetime import date, timedelta

import numpy as np
import polars as pl

from bench.measure import measure
from c360_dagster.science.lifetime_value import (
    fit_bgnbd,
    fit_gamma_gamma,
    fit_mbgnbd,
    forecast_from,
    measure_customers,
    plan_rehearsal,
    summarise,
)

AS_OF, DAYS, HORIZON = date(2026, 11, 20), 689, 365


def main(arguments: list[str]) -> None:
    customers = int(arguments[0]) if arguments else 1_000_000
    measured = measure(time_each, customers)
    sys.stdout.write(f"{measured.result}, peak memory {measured.megabytes:,.0f} MB\n")


def time_each(customers: int) -> object:
    orders = draw_orders(customers)
    plan = plan_rehearsal(AS_OF - timedelta(days=DAYS), AS_OF, HORIZON)
    # A first small forecast, so that imports on first use are not measured.
    forecast_from(measure_customers(orders.head(1000), plan), plan)
    parts, began = [f"{customers:,} customers, {orders.height:,} orders"], time.perf_counter()
    steps: dict[str, float] = {}

    def lap(name: str) -> None:
        nonlocal began
        steps[name] = time.perf_counter() - began
        began = time.perf_counter()

    summary = summarise(orders, AS_OF)
    lap("summarised")
    fit_bgnbd(summary)
    fit_mbgnbd(summary)
    fit_gamma_gamma(summary)
    lap("three models fitted")
    features = measure_customers(orders, plan)
    lap("features measured")
    forecast_from(features, plan)
    lap("rehearsed and forecast")
    return ": ".join([*parts, ", ".join(f"{name} in {took:.2f} s" for name, took in steps.items())])


def draw_orders(customers: int) -> pl.DataFrame:
    """Draws orders of people who buy at different rates and prices and stop at some time."""
    random = np.random.default_rng(7)
    rate = random.gamma(0.7, 0.03, customers)
    begins = random.integers(0, DAYS, customers) * (random.random(customers) < 0.6)
    stays = np.minimum(random.exponential(900, customers), DAYS - begins)
    counts = 1 + random.poisson(rate * stays)
    person = np.repeat(np.arange(customers), counts)
    moment = begins[person] + random.random(len(person)) * stays[person]
    moment[np.cumsum(counts) - counts] = begins
    value = random.gamma(4, 1, customers)[person] * random.gamma(2, 6, len(person))
    first = np.datetime64(AS_OF - timedelta(days=DAYS), "D")
    return pl.DataFrame(
        {
            "customer_id": pl.Series(person).cast(pl.String),
            "order_date": first + moment.astype(np.int64),
            "amount": value.round(2),
        }
    )
