"""Lifetime value: what each customer will buy within a horizon, and how sure that is."""

from c360_dagster.science.lifetime_value.gamma_gamma import SpendModel, fit_gamma_gamma
from c360_dagster.science.lifetime_value.purchases import PurchaseModel, fit_bgnbd, fit_mbgnbd
from c360_dagster.science.lifetime_value.summary import summarise

__all__ = [
    "PurchaseModel",
    "SpendModel",
    "fit_bgnbd",
    "fit_gamma_gamma",
    "fit_mbgnbd",
    "summarise",
]
