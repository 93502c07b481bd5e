"""The forecast itself: models and naive forecasts, rehearsed in the past, then made as of today.

features.py describes what it reads; stack.py mixes its parts.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from c360_dagster.science.arrays import Bools, Floats
from c360_dagster.science.lifetime_value.candidates import Models
from c360_dagster.science.lifetime_value.features import (
    FEATURES,
    Rehearsal,
    find_first_day,
    measure_customers,
    plan_rehearsal,
)
from c360_dagster.science.lifetime_value.gamma_gamma import SpendModel
from c360_dagster.science.lifetime_value.intervals import assume_intervals, place_intervals
from c360_dagster.science.lifetime_value.purchases import PurchaseModel
from c360_dagster.science.lifetime_value.rehearsal import Learnt, rehearse
from c360_dagster.science.lifetime_value.summary import check_orders
from c360_dagster.science.rows import order_customers


@dataclass(frozen=True)
class Report:
    """How the forecast came about, for the model card."""

    models: dict[str, PurchaseModel]
    spend_model: SpendModel
    spend_shares: dict[str, float]
    order_shares: dict[str, float]
    season: float
    """Purchases in the time ahead relative to the rehearsal's window, for the season alone."""
    spend_level: float
    """The rehearsal's correction of the models' total, times the season."""
    notes: tuple[str, ...]
    """What could not be done as usual, and what was done instead."""


@dataclass(frozen=True)
class Forecast:
    values: pl.DataFrame
    """customer_id, expected_orders, expected_spend, low, high, p_active."""
    report: Report
    plan: Rehearsal


def forecast(
    orders: pl.DataFrame, as_of: date, horizon_days: int, customers: pl.Series | None = None
) -> pl.DataFrame:
    """Returns customer_id, expected_orders, expected_spend, low, high (80 % interval), p_active."""
    return fit_forecast(orders, as_of, horizon_days, customers).values


def fit_forecast(
    orders: pl.DataFrame, as_of: date, horizon_days: int, customers: pl.Series | None = None
) -> Forecast:
    """Forecasts for the customers in the orders and those in `customers`. Reads nothing after
    as_of."""
    first_day = find_first_day(check_orders(orders), as_of)
    plan = plan_rehearsal(first_day, as_of, horizon_days)
    return forecast_from(measure_customers(orders, plan, customers), plan)


def forecast_from(
    features: pl.DataFrame, plan: Rehearsal, earlier: Forecast | None = None
) -> Forecast:
    """Forecasts from rows that SQL has measured: the columns of FEATURES, in any order.

    A forecast as of the cutoff has fitted the models that the rehearsal needs; passing it as
    `earlier` saves fitting them again.
    """
    missing = FEATURES.keys() - set(features.columns)
    if missing:
        raise ValueError(f"features lack {', '.join(sorted(missing))}; see features.FEATURES.")
    rows = order_customers(features.with_columns(pl.col("customer_id").cast(pl.String)))
    is_buyer = rows["frequency"].is_not_null().to_numpy()
    buyers = rows.filter(is_buyer)
    learnt = rehearse(buyers, plan, _models(earlier, plan.cutoff) if earlier else None)
    outlook = learnt.outlook
    if learnt.spread:
        low, high = place_intervals(learnt.spread, outlook)
    else:
        low, high = assume_intervals(outlook)
    values = {
        "expected_orders": outlook.orders,
        "expected_spend": outlook.spend,
        "low": low,
        "high": high,
        "p_active": outlook.p_active,
    }
    columns = {name: _fill_rows(column, is_buyer) for name, column in values.items()}
    return Forecast(rows.select("customer_id").with_columns(**columns), _report(learnt), plan)


def _models(earlier: Forecast, day: date) -> Models:
    if earlier.plan.as_of != day:
        raise ValueError(f"The earlier forecast is of {earlier.plan.as_of}, not of {day}.")
    return Models(earlier.report.models, earlier.report.spend_model)


def _fill_rows(column: Floats, is_buyer: Bools) -> pl.Series:
    """Puts the buyers' values in their rows, and 0 for those who have bought nothing yet."""
    everybody = np.zeros(len(is_buyer))
    everybody[is_buyer] = np.round(column, 6)
    return pl.Series(everybody + 0.0)


def _report(learnt: Learnt) -> Report:
    return Report(
        models=learnt.models.purchases,
        spend_model=learnt.models.spend,
        spend_shares=dict(zip(learnt.spend.names, learnt.spend.shares.tolist(), strict=True)),
        order_shares=dict(zip(learnt.orders.names, learnt.orders.shares.tolist(), strict=True)),
        season=learnt.season,
        spend_level=learnt.spend.level,
        notes=learnt.notes,
    )
