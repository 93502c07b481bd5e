"""The forecasts that are mixed: the two models' and the naive ones, for spend and for orders.

stack.py mixes them.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from c360_dagster.science.arrays import Bools, Floats
from c360_dagster.science.lifetime_value.gamma_gamma import SpendModel, fit_gamma_gamma
from c360_dagster.science.lifetime_value.purchases import Pairs, PurchaseModel, fit_purchase_models
from c360_dagster.science.lifetime_value.stack import NAIVE, are_models

OUTLIER = 4.0
"""A mean order that lies more than this many robust standard deviations (of the logarithm) above
the median is fitted as if it lay exactly there."""
WEEK = 7


@dataclass(frozen=True)
class Known:
    """What is known of the buyers as of a day; times are in weeks."""

    frequency: Floats
    recency: Floats
    age: Floats
    spend: Floats
    spend_last: Floats
    purchases_last: Floats

    @cached_property
    def pairs(self) -> Pairs:
        return Pairs.of(self.frequency, self.age)

    @property
    def purchases(self) -> Floats:
        return self.frequency + 1

    @property
    def value(self) -> Floats:
        """Mean amount of a purchase day. The first day is included, because one-time buyers have no
        other."""
        return np.maximum(self.spend / self.purchases, 0.0)


@dataclass(frozen=True)
class Models:
    purchases: dict[str, PurchaseModel]
    spend: SpendModel


@dataclass(frozen=True)
class Candidates:
    """Forecasts of spend and orders, one column for each name."""

    names: tuple[str, ...]
    spend: Floats
    orders: Floats
    p_active: Floats | None
    """The models' mean before calibration; None if no model is left."""

    @property
    def of_models(self) -> Bools:
        return are_models(self.names)

    def scale_one_time_buyers(self, known: Known, chance: Floats) -> "Candidates":
        """Scales what the models expect of one-time buyers by chance / p_active: how much less
        likely they are to come back at all than the models say.

        BG/NBD is sure that a one-time buyer is still a customer, and MBG/NBD takes their rate from
        those who came back.
        """
        if self.p_active is None:
            return self
        less = chance / np.maximum(self.p_active, 1e-9)
        return self.weigh(np.where(known.frequency > 0, 1.0, less))

    def weigh(self, weight: Floats) -> "Candidates":
        """Multiplies what the models expect of each customer by the customer's weight.

        The models' total of orders stays the same: what some are no longer expected to buy is
        spread over all. The total of spend changes with who is expected to buy.
        """
        weighed = (self.orders * weight[:, None]).sum(axis=0)
        kept = self.orders.sum(axis=0) / np.maximum(weighed, 1e-9)
        factor = np.where(self.of_models, weight[:, None] * kept, 1.0)
        return replace(self, spend=self.spend * factor, orders=self.orders * factor)


def read_known(rows: pl.DataFrame, prefix: str = "") -> Known:
    frequency, recency, age, *rest = (
        rows[prefix + name].cast(pl.Float64).fill_null(0.0).to_numpy()
        for name in ("frequency", "recency_days", "age_days",
                     "spend", "spend_last", "purchases_last")
    )  # fmt: skip
    return Known(frequency, recency / WEEK, age / WEEK, *rest)


def fit_models(known: Known) -> Models:
    summary = pl.DataFrame({"frequency": known.frequency, "recency": known.recency, "T": known.age})
    values = pl.DataFrame({"frequency": known.purchases, "monetary_value": winsorise(known.value)})
    return Models(fit_purchase_models(summary), fit_gamma_gamma(values))


def winsorise(value: Floats) -> Floats:
    """Pulls outliers in for the fit; what is reported is not touched."""
    positive = value[value > 0]
    if positive.size == 0:
        return value
    logs = np.log(positive)
    middle = np.median(logs)
    spread = 1.4826 * np.median(np.abs(logs - middle))
    return np.minimum(value, np.exp(middle + OUTLIER * spread)) if spread > 0 else value


@dataclass(frozen=True)
class Span:
    """The number of days ahead, and of the days behind on which the naive forecasts are based."""

    ahead: int
    window: int
    history: int


def forecast_each(known: Known, models: Models, names: list[str], span: Span) -> Candidates:
    """Returns the forecasts of the named models, then the naive ones: last period and mean rate."""
    x, recency, age, ahead = known.frequency, known.recency, known.age, span.ahead / WEEK
    value = known.value
    if models.spend.converged:
        value = models.spend.expected_value(known.purchases, value)
    fitted = [models.purchases[name] for name in names]
    bought = [model.expected_purchases(known.pairs, recency, ahead) for model in fitted]
    per_window, per_history = span.ahead / span.window, span.ahead / span.history
    naive_orders = [known.purchases_last * per_window, known.purchases * per_history]
    naive_spend = [known.spend_last * per_window, known.spend * per_history]
    active = [model.p_active(x, recency, age, ahead) for model in fitted]
    return Candidates(
        names=(*names, *NAIVE),
        spend=np.maximum(np.stack([*(each * value for each in bought), *naive_spend], axis=1), 0.0),
        orders=np.stack([*bought, *naive_orders], axis=1),
        p_active=np.mean(active, axis=0) if fitted else None,
    )
