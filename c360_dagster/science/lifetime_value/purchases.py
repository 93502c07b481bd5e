"""How often people buy until they stop for good: BG/NBD and MBG/NBD.

BG/NBD: Fader, Hardie and Lee, Marketing Science 24 (2005). MBG/NBD: Batislam, Denizel and
Filiztekin, Int. J. Research in Marketing 24 (2007).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from c360_dagster.science.arrays import Floats, Ints
from c360_dagster.science.lifetime_value.likelihood import Likelihood, dot, maximise

NODES = 24
GROUPS = 150_000
"""More distinct histories than this are merged into cells that keep their means."""


@dataclass(frozen=True)
class PurchaseModel:
    """Customers buy at rate λ ~ Gamma(r, alpha) and stop after a purchase with p ~ Beta(a, b).

    In MBG/NBD people may stop after their first purchase too, in BG/NBD only from the second on.
    The models differ only in the number of chances to stop that somebody with x repeated purchases
    has had: x + 1 in MBG/NBD, x in BG/NBD.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    converged: bool
    stops_at_once: bool
    customers: int

    def p_alive(self, frequency: Floats, recency: Floats, age: Floats) -> Floats:
        chances = frequency + self.stops_at_once
        with np.errstate(all="ignore"):
            log_odds = (
                np.log(self.a)
                - np.log(self.b + chances - 1)
                + (self.r + frequency) * np.log((self.alpha + age) / (self.alpha + recency))
            )
            alive = 1 / (1 + np.exp(log_odds))
        return np.where(chances > 0, alive, 1.0)

    def p_active(self, frequency: Floats, recency: Floats, age: Floats, ahead: float) -> Floats:
        """Returns the probability of at least one purchase in the time ahead: that the customer is
        alive, and not silent by chance."""
        silent = ((self.alpha + age) / (self.alpha + age + ahead)) ** (self.r + frequency)
        active: Floats = self.p_alive(frequency, recency, age) * (1 - silent)
        return active

    def expected_purchases(self, pairs: "Pairs", recency: Floats, ahead: float) -> Floats:
        frequency, age = pairs.frequency[pairs.place], pairs.age[pairs.place]
        return self.expected_if_alive(pairs, ahead) * self.p_alive(frequency, recency, age)

    def expected_if_alive(self, pairs: "Pairs", ahead: float) -> Floats:
        """The mean of (1 − (1 + p·ahead / (alpha + T))^−(r + x)) / p over p ~ Beta(a, b + chances).

        Uses quadrature, because the papers' hypergeometric function overflows if nearly nobody
        stops.
        """
        levels, level = np.unique(pairs.frequency, return_inverse=True)
        nodes, weights = beta_quadrature(self.a, self.b + levels + self.stops_at_once)
        passed = (ahead / (self.alpha + pairs.age))[:, None]
        shape = (self.r + pairs.frequency)[:, None]
        p = np.maximum(nodes[level], 1e-12)
        bought = -np.expm1(-shape * np.log1p(p * passed)) / p
        expected: Floats = (weights[level] * bought).sum(axis=1)
        return expected[pairs.place]


@dataclass(frozen=True)
class Pairs:
    """The distinct pairs of frequency and age (T), and which pair each customer has."""

    frequency: Floats
    age: Floats
    place: Ints

    @classmethod
    def of(cls, frequency: Floats, age: Floats) -> "Pairs":
        levels, level = np.unique(frequency, return_inverse=True)
        ages, old = np.unique(age, return_inverse=True)
        codes, place = np.unique(level * len(ages) + old, return_inverse=True)
        each = max(len(ages), 1)
        return cls(levels[codes // each], ages[codes % each], place)


def beta_quadrature(a: float, b: Floats) -> tuple[Floats, Floats]:
    """Returns Gauss-Jacobi nodes and weights, one row per Beta(a, b); Golub and Welsch (1969)."""
    k = np.arange(NODES)
    left, right = a - 1, (b - 1)[:, None]
    twice = 2 * k + left + right
    with np.errstate(all="ignore"):
        centre = (left**2 - right**2) / (twice * (twice + 2))
        square = 4 * k * (k + left) * (k + right) * (k + left + right) / (
            twice**2 * (twice + 1) * (twice - 1)
        )  # fmt: skip
    # The general terms may be 0/0 here.
    centre[:, 0] = (left - right[:, 0]) / (left + right[:, 0] + 2)
    square[:, 1] = 4 * a * b / ((a + b) ** 2 * (a + b + 1))
    matrix = np.zeros((len(b), NODES, NODES))
    matrix[:, k, k] = centre
    matrix[:, k[1:], k[:-1]] = matrix[:, k[:-1], k[1:]] = np.sqrt(square[:, 1:])
    values, vectors = np.linalg.eigh(matrix)
    return (1 + values) / 2, vectors[:, 0, :] ** 2


@dataclass(frozen=True)
class Histories:
    """The distinct combinations of frequency, recency and age (T), and how many customers share
    each."""

    frequency: Floats
    recency: Floats
    age: Floats
    count: Floats

    @cached_property
    def by_frequency(self) -> tuple[Floats, Floats]:
        values, place = np.unique(self.frequency, return_inverse=True)
        return values, np.bincount(place, weights=self.count).astype(np.float64)

    @property
    def customers(self) -> int:
        return int(self.count.sum())


def fit_bgnbd(summary: pl.DataFrame) -> PurchaseModel:
    return _fit(group_histories(summary), stops_at_once=False)


def fit_mbgnbd(summary: pl.DataFrame) -> PurchaseModel:
    return _fit(group_histories(summary), stops_at_once=True)


def fit_purchase_models(summary: pl.DataFrame) -> dict[str, PurchaseModel]:
    """Fits both models and returns them by name; the histories are grouped only once."""
    histories = group_histories(summary)
    return {
        "mbgnbd": _fit(histories, stops_at_once=True),
        "bgnbd": _fit(histories, stops_at_once=False),
    }


def group_histories(summary: pl.DataFrame) -> Histories:
    """Counts equal histories. Sorts them, so that the order of the rows cannot change the sums."""
    keys = ["frequency", "recency", "T"]
    groups = summary.select(pl.col(keys).cast(pl.Float64)).group_by(keys).len("count").sort(keys)
    if groups.height > GROUPS:
        groups = _merge_similar(groups)
    columns = (groups[name].cast(pl.Float64).to_numpy() for name in (*keys, "count"))
    return Histories(*columns)


def _merge_similar(groups: pl.DataFrame) -> pl.DataFrame:
    """Merges histories into cells of a hundredth of the longest time, and of frequency: each one up
    to fifty, above that in steps of a tenth."""
    step = max(float(groups["T"].to_numpy().max()) / 100, 1e-9)
    frequency = pl.col("frequency")
    level = pl.when(frequency < 50).then(frequency).otherwise(50 + (frequency / 50).log(1.1))
    cells = {
        "cell_x": level.floor(),
        "cell_recency": (pl.col("recency") / step).floor(),
        "cell_T": (pl.col("T") / step).floor(),
    }
    means = [
        ((pl.col(name) * pl.col("count")).sum() / pl.col("count").sum()).alias(name)
        for name in ("frequency", "recency", "T")
    ]
    ordered = groups.with_columns(**cells).sort("frequency", "recency", "T")
    return (
        ordered.group_by(*cells, maintain_order=True)
        .agg(*means, pl.col("count").sum())
        .sort("frequency", "recency", "T")
    )


def _fit(histories: Histories, *, stops_at_once: bool) -> PurchaseModel:
    """Measures time in mean ages during the search, so that the unit does not matter."""
    parameters, value, converged = (1.0, 1.0, 1.0, 1.0), 0.0, False
    if histories.customers and float(histories.age.max()) > 0:
        scale = float((histories.age * histories.count).sum() / histories.count.sum())
        scaled = Histories(
            histories.frequency, histories.recency / scale, histories.age / scale, histories.count
        )
        repeats = float((histories.frequency * histories.count).sum())
        found = maximise(
            purchase_likelihood(scaled, stops_at_once=stops_at_once),
            np.array([0.5, 0.5, 0.5, 2.0]),
            histories.customers,
        )
        r, alpha, a, b = found.parameters
        parameters = (r, alpha * scale, a, b)
        value = found.log_likelihood - repeats * float(np.log(scale))
        converged = found.converged and repeats > 0
    return PurchaseModel(*parameters, value, converged, stops_at_once, histories.customers)


def purchase_likelihood(histories: Histories, *, stops_at_once: bool) -> Likelihood:
    from scipy.special import digamma, gammaln  # noqa: PLC0415 (see maximise)

    x, count, chances = histories.frequency, histories.count, histories.frequency + stops_at_once
    levels, weight = histories.by_frequency
    had_chance, total = chances > 0, count.sum()

    def likelihood(parameters: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = parameters
        n = levels + stops_at_once
        age, recency = alpha + histories.age, alpha + histories.recency
        log_age, log_ratio = np.log(age), np.log(age / recency)
        rest = np.where(had_chance, b + chances - 1, 1.0)
        log_odds = np.where(had_chance, np.log(a) - np.log(rest) + (r + x) * log_ratio, -np.inf)
        gone = 1 / (1 + np.exp(-log_odds))
        by_level = (
            gammaln(r + levels) - gammaln(r) + r * np.log(alpha)
            + gammaln(b + n) - gammaln(b) + gammaln(a + b) - gammaln(a + b + n)
        )  # fmt: skip
        value = dot(weight, by_level) + dot(count, np.logaddexp(0.0, log_odds) - (r + x) * log_age)
        with_gone = count * gone
        shared = digamma(a + b) * total - dot(weight, digamma(a + b + n))
        slope_r = dot(weight, digamma(r + levels)) + total * (np.log(alpha) - digamma(r))
        slope_b = dot(weight, digamma(b + n)) - total * digamma(b)
        slopes = [
            slope_r + dot(with_gone, log_ratio) - dot(count, log_age),
            total * r / alpha - dot(count, (r + x) / age)
            + dot(with_gone, (r + x) * (1 / age - 1 / recency)),
            shared + with_gone.sum() / a,
            shared + slope_b - dot(with_gone, 1 / rest),
        ]  # fmt: skip
        return value, np.array(slopes)

    return likelihood
