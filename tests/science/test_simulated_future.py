"""The forecast compared with what the simulated people do in the next twelve months."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

import mock_data
from c360_dagster.science import evaluation
from c360_dagster.science.lifetime_value import forecast
from tests.mock_data.home import Home

START, END = date(2025, 1, 1), date(2026, 11, 20)


@pytest.fixture(scope="module", params=[7, 23])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Home:
    path: Path = tmp_path_factory.mktemp("future")
    mock_data.generate(
        path, customers=4000, seed=request.param, start=START, end=END, defects=False
    )
    return Home(path)


def read_orders(home: Home) -> pl.DataFrame:
    """Returns completed orders of both systems by person; amounts are net, before tax."""
    crm = home.table("transactions").filter(pl.col("status") == "completed")
    shop = home.table("workbook_transactions")
    subtotal, discount, amount = (
        pl.col(name).cast(pl.Float64) for name in ("subtotal", "discount_amount", "amount")
    )
    day = pl.col("transaction_date").str.slice(0, 10).str.to_date()
    orders = pl.concat(
        [
            crm.select(
                pl.lit("crm").alias("source_system"),
                source_id="customer_id",
                order_date=day,
                amount=subtotal - discount,
            ),
            shop.select(
                pl.lit("workbooks").alias("source_system"),
                source_id="customer_id",
                order_date=day,
                amount=amount,
            ),
        ]
    )
    known = orders.join(home.truth("identities"), on=["source_system", "source_id"])
    return known.select("order_date", "amount", customer_id="person_id")


def test_the_next_twelve_months_are_forecast_well(home: Home) -> None:
    told = forecast(read_orders(home), END, 365)
    future = home.truth("future").select(
        pl.col("orders", "spend").cast(pl.Float64), customer_id="person_id"
    )
    both = told.join(future, on="customer_id", how="left").sort("customer_id")
    expected, actual = both["expected_spend"], both["spend"]
    assert abs(evaluation.total_error(expected, actual)) <= 0.10
    assert abs(evaluation.total_error(both["expected_orders"], both["orders"])) <= 0.10
    assert evaluation.calibration_error(expected, actual) <= 0.15
    assert 0.75 <= evaluation.interval_coverage(both["low"], both["high"], actual) <= 0.85
    assert (evaluation.spearman(expected, actual) or 0) >= 0.7
    active = both["orders"] > 0
    assert (evaluation.area_under_curve(both["p_active"], active) or 0) >= 0.9
    assert evaluation.calibration_error(both["p_active"], active.cast(pl.Float64)) <= 0.1


def test_one_time_buyers_are_not_forecast_like_regulars(home: Home) -> None:
    """One-time buyers were once expected to spend more than twice what they did.

    That put them among the most valuable customers.
    """
    orders = read_orders(home)
    days = orders.group_by("customer_id").agg(pl.col("order_date").n_unique())
    both = (
        forecast(orders, END, 365)
        .join(days.filter(order_date=1), on="customer_id")
        .join(home.truth("future").rename({"person_id": "customer_id"}), on="customer_id")
    )
    came = both.select(pl.col("orders", "spend").cast(pl.Float64).sum())
    assert both["expected_spend"].sum() < 1.2 * came["spend"].item()
    ratio = both["expected_orders"].sum() / came["orders"].item()
    assert 0.5 < ratio < 1.2
