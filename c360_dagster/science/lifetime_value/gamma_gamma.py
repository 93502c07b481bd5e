"""Gamma-Gamma: the expected value of a purchase, shrunk towards what everybody spends.

Fader and Hardie, “The Gamma-Gamma model of monetary value” (2013), brucehardie.com/notes/025.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from c360_dagster.science.arrays import Floats
from c360_dagster.science.lifetime_value.likelihood import Likelihood, dot, maximise

CELLS = 150_000
"""More distinct buyers than this are merged into cells that keep their means."""


@dataclass(frozen=True)
class SpendModel:
    """A purchase's value is z ~ Gamma(p, ν); each customer's ν ~ Gamma(q, gamma)."""

    p: float
    q: float
    gamma: float
    log_likelihood: float
    converged: bool
    customers: int

    def expected_value(self, purchases: Floats, mean: Floats) -> Floats:
        """Returns the expected value of future purchases, given the number and mean of the past
        ones."""
        with np.errstate(all="ignore"):
            value = self.p * (self.gamma + purchases * mean) / (self.p * purchases + self.q - 1)
        return np.where(self.p * purchases + self.q > 1, value, mean)


def fit_gamma_gamma(summary: pl.DataFrame) -> SpendModel:
    """Reads frequency and monetary_value, from the rows in which both are above zero."""
    buyers = (
        summary.select(pl.col("frequency", "monetary_value").cast(pl.Float64))
        .filter(pl.col("frequency") > 0, pl.col("monetary_value") > 0)
        .group_by("frequency", "monetary_value")
        .len("count")
        .sort("frequency", "monetary_value")
    )
    if buyers.height > CELLS:
        buyers = _merge_similar(buyers)
    x, z, count = (
        buyers[name].cast(pl.Float64).to_numpy()
        for name in ("frequency", "monetary_value", "count")
    )
    customers = int(count.sum())
    if z.size == 0 or z.min() == z.max():
        alike = float(z[0]) if z.size else 0.0
        return SpendModel(1.0, 2.0, alike, 0.0, converged=False, customers=customers)
    scale = float((z * count).sum() / customers)
    found = maximise(spend_likelihood(x, z / scale, count), np.array([3.0, 3.0, 1.0]), customers)
    p, q, gamma = found.parameters
    value = found.log_likelihood - customers * float(np.log(scale))
    return SpendModel(p, q, gamma * scale, value, found.converged, customers)


def _merge_similar(buyers: pl.DataFrame) -> pl.DataFrame:
    """Merges buyers into cells: steps of a hundredth in the logarithm of the mean."""
    mean = (pl.col("monetary_value") * pl.col("count")).sum() / pl.col("count").sum()
    return (
        buyers.with_columns(cell=(pl.col("monetary_value").log() * 100).floor())
        .group_by("frequency", "cell", maintain_order=True)
        .agg(monetary_value=mean, count=pl.col("count").sum())
        .sort("frequency", "monetary_value")
    )


def spend_likelihood(x: Floats, z: Floats, count: Floats) -> Likelihood:
    from scipy.special import digamma, gammaln  # noqa: PLC0415 (see maximise)

    levels, place = np.unique(x, return_inverse=True)
    weight = np.bincount(place, weights=count).astype(np.float64)
    total, spent = count.sum(), x * z
    logs, constant = dot(count, x * np.log(spent)), dot(count, np.log(z))

    def likelihood(parameters: Floats) -> tuple[float, Floats]:
        p, q, gamma = parameters
        log_sum = np.log(gamma + spent)
        by_level = gammaln(p * levels + q) - gammaln(p * levels)
        value = (
            dot(weight, by_level) - total * (gammaln(q) - q * np.log(gamma))
            + p * logs - constant - dot(count, (p * x + q) * log_sum)
        )  # fmt: skip
        inner = digamma(p * levels + q)
        slope_p = dot(weight, levels * (inner - digamma(p * levels)))
        slope_q = dot(weight, inner) - total * (digamma(q) - np.log(gamma))
        slopes = [
            slope_p + logs - dot(count, x * log_sum),
            slope_q - dot(count, log_sum),
            total * q / gamma - dot(count, (p * x + q) / (gamma + spent)),
        ]
        return value, np.array(slopes)

    return likelihood
