"""Lifetime value: what each customer will buy within a horizon, and how sure that is."""

from c360_dagster.science.lifetime_value.features import (
    FEATURES,
    Rehearsal,
    find_first_day,
    measure_customers,
    plan_rehearsal,
)
from c360_dagster.science.lifetime_value.forecasting import (
    Forecast,
    Report,
    fit_forecast,
    forecast,
    forecast_from,
)
from c360_dagster.science.lifetime_value.gamma_gamma import SpendModel, fit_gamma_gamma
from c360_dagster.science.lifetime_value.purchases import PurchaseModel, fit_bgnbd, fit_mbgnbd
from c360_dagster.science.lifetime_value.rehearsal import NO_SEASON
from c360_dagster.science.lifetime_value.summary import summarise

__all__ = [
    "FEATURES",
    "NO_SEASON",
    "Forecast",
    "PurchaseModel",
    "Rehearsal",
    "Report",
    "SpendModel",
    "find_first_day",
    "fit_bgnbd",
    "fit_forecast",
    "fit_gamma_gamma",
    "fit_mbgnbd",
    "forecast",
    "forecast_from",
    "measure_customers",
    "plan_rehearsal",
    "summarise",
]
