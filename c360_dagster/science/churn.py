"""Churn: the probability that a customer does not buy within the horizon.

It is 1 minus the p_active of the lifetime value forecast, so that the two never disagree.
"""

from datetime import date

import polars as pl

from c360_dagster.science.lifetime_value import Forecast, fit_forecast


def score(
    orders: pl.DataFrame, as_of: date, horizon_days: int, customers: pl.Series | None = None
) -> pl.DataFrame:
    """Returns customer_id and churn_risk, which is 1 for customers without orders: the forecast
    expects nothing of them."""
    return score_from(fit_forecast(orders, as_of, horizon_days, customers))


def score_from(forecast: Forecast) -> pl.DataFrame:
    """Returns the same as `score`, from a forecast that has been made already."""
    return forecast.values.select("customer_id", churn_risk=(1 - pl.col("p_active")).round(6))
