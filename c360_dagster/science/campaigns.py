"""What a campaign caused: treatment against control, never contacted against not contacted.

Lift is relative: (treated mean − control mean) / control mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import polars as pl

from c360_dagster.science.arrays import Floats

LEVEL = 0.975
Z = NormalDist().inv_cdf(LEVEL)
GROUPS = ("treatment", "control")


@dataclass(frozen=True)
class Effect:
    treated: int
    controls: int
    treated_mean: float | None
    control_mean: float | None
    difference: float | None
    """Treated mean − control mean; difference_low and difference_high are its 95 % interval."""
    difference_low: float | None
    difference_high: float | None
    lift: float | None
    """Difference / control mean; low and high are its 95 % interval."""
    low: float | None
    high: float | None
    p_value: float | None
    """Two-sided, for the hypothesis that the two means are equal."""


def effect(contacts: pl.DataFrame, metric: str) -> Effect:
    """Compares the two groups. Contacts have one row each, with the columns `group` (treatment or
    control, drawn at random) and the metric."""
    (row,) = effects(contacts, metric, by=[]).iter_rows(named=True)
    return Effect(**row)


def effects(contacts: pl.DataFrame, metric: str, by: Sequence[str]) -> pl.DataFrame:
    """Returns one row for each combination of the columns in `by`, with the fields of Effect.

    A metric that holds only zeros and ones is a conversion, unless its type is decimal. Its rates
    have Wilson's limits, and its p value is that of the pooled two-proportion test. Any other
    metric is compared by its means, after Welch. The intervals of the difference (Newcombe 1998)
    and of the ratio (Donner and Zou 2012) follow from the limits of both means. Contacts without a
    value are left out.

    Whatever cannot be computed is null:

    - everything that needs a group that is empty,
    - the interval of a mean that comes from a single value,
    - the lift, if the control's mean is not above zero,
    - the lift's upper limit, if the control's mean may be zero; then also its lower limit, if the
      treated mean may be below zero.
    """
    _check(contacts, metric, by)
    number = pl.col(metric).cast(pl.Float64)
    known = contacts.select(*by, "group", value=pl.when(number.is_finite()).then(number))
    value = pl.col("value").drop_nulls()
    is_money = contacts.schema[metric].is_decimal()  # even if every amount is zero
    is_binary = not is_money and bool(known.select(((value == 0.0) | (value == 1.0)).all()).item())
    sum_up = _sum_rates if is_binary else _sum_means
    sums = [each for group in GROUPS for each in sum_up(group)]
    grouped = known.group_by(by).agg(sums).sort(by) if by else known.select(sums)
    return pl.concat([grouped.select(by), _compare(grouped, is_binary)], how="horizontal")


def _check(contacts: pl.DataFrame, metric: str, by: Sequence[str]) -> None:
    missing = [name for name in ("group", metric, *by) if name not in contacts.columns]
    if missing:
        raise ValueError(f"The contacts lack the columns {', '.join(missing)}.")
    odd = contacts["group"].cast(pl.String).unique().sort().to_list()
    if strange := [str(name) for name in odd if name not in GROUPS]:
        raise ValueError(f"A contact's group is treatment or control, not {', '.join(strange)}.")


def _sum_rates(group: str) -> list[pl.Expr]:
    """Sums up zeros and ones: the sum is exact in any order, and the mean gives the variance."""
    own = pl.col("value").filter(pl.col("group") == group).drop_nulls()
    return [
        own.len().cast(pl.Int64).alias(f"{group}_count"),
        own.mean().alias(f"{group}_mean"),
        pl.lit(None, pl.Float64).alias(f"{group}_variance"),
    ]


def _sum_means(group: str) -> list[pl.Expr]:
    """Sorts the values first, so that the order of the rows cannot change a sum's last bits."""
    own = pl.col("value").filter(pl.col("group") == group).drop_nulls().sort()
    return [
        own.len().cast(pl.Int64).alias(f"{group}_count"),
        own.mean().alias(f"{group}_mean"),
        own.var().alias(f"{group}_variance"),
    ]


def _compare(grouped: pl.DataFrame, is_binary: bool) -> pl.DataFrame:  # noqa: FBT001  clear enough
    count, mean, variance = (
        np.stack(
            [
                grouped[f"{group}_{of}"].cast(pl.Float64).fill_null(np.nan).to_numpy()
                for group in GROUPS
            ]
        )
        for of in ("count", "mean", "variance")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = _limit_rates(count, mean) if is_binary else _limit_means(count, variance, mean)
        p_value = _test_rates(count, mean) if is_binary else _test_means(count, variance, mean)
        difference = mean[0] - mean[1]
        down = difference - np.hypot(mean[0] - low[0], high[1] - mean[1])
        up = difference + np.hypot(high[0] - mean[0], mean[1] - low[1])
        ratio_low, ratio_high = _limit_ratio(mean, low, high)
        can_divide = mean[1] > 0
        lift, lift_low, lift_high = (
            np.where(can_divide, ratio - 1.0, np.nan)
            for ratio in (mean[0] / mean[1], ratio_low, ratio_high)
        )
    figures = {
        "treated_mean": mean[0],
        "control_mean": mean[1],
        "difference": difference,
        "difference_low": down,
        "difference_high": up,
        "lift": lift,
        "low": lift_low,
        "high": lift_high,
        "p_value": p_value,
    }
    counts = grouped.select(treated="treatment_count", controls="control_count")
    rounded = {name: pl.Series(values).round(6).fill_nan(None) for name, values in figures.items()}
    return counts.with_columns(**rounded)


def _limit_rates(count: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """Wilson's score limits."""
    shrunk = 1.0 + Z**2 / count
    centre = (mean + Z**2 / (2.0 * count)) / shrunk
    half = Z * np.sqrt(mean * (1.0 - mean) / count + (Z / (2.0 * count)) ** 2) / shrunk
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def _limit_means(count: Floats, variance: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """Uses one quantile of t for both means, so that their difference has Welch's interval."""
    from scipy.special import stdtrit  # noqa: PLC0415  slow, so imported only when needed

    half = stdtrit(_welch_freedom(count, variance), LEVEL) * np.sqrt(variance / count)
    half = np.where(variance == 0.0, 0.0, half)
    return mean - half, mean + half


def _welch_freedom(count: Floats, variance: Floats) -> Floats:
    error = variance / count
    return np.asarray(error.sum(axis=0) ** 2 / (error**2 / (count - 1.0)).sum(axis=0))


def _test_rates(count: Floats, mean: Floats) -> Floats:
    from scipy.special import ndtr  # noqa: PLC0415  as above

    pooled = (count * mean).sum(axis=0) / count.sum(axis=0)
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / count).sum(axis=0))
    return np.where(error == 0.0, 1.0, 2.0 * ndtr(-np.abs(mean[0] - mean[1]) / error))


def _test_means(count: Floats, variance: Floats, mean: Floats) -> Floats:
    from scipy.special import stdtr  # noqa: PLC0415  as above

    error = np.sqrt((variance / count).sum(axis=0))
    gap = np.abs(mean[0] - mean[1])
    tested = 2.0 * stdtr(_welch_freedom(count, variance), -gap / error)
    return np.where(error == 0.0, np.where(gap == 0.0, 1.0, np.nan), tested)


def _limit_ratio(mean: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Returns the limits of treated / control. They are Fieller's if each mean lies midway between
    its own limits."""
    product = mean[0] * mean[1]
    below = low[0] * (2.0 * mean[0] - low[0])
    above = high[0] * (2.0 * mean[0] - high[0])
    control_above = high[1] * (2.0 * mean[1] - high[1])
    control_below = low[1] * (2.0 * mean[1] - low[1])
    bottom = product + np.sqrt(np.maximum(product**2 - below * control_above, 0.0))
    ratio_low = np.where(below == 0.0, 0.0, below / bottom)
    # If the treated mean may be a loss and the control's mean may be zero, any ratio is possible.
    ratio_low = np.where((low[0] < 0.0) & (low[1] <= 0.0), np.nan, ratio_low)
    top = product + np.sqrt(np.maximum(product**2 - above * control_below, 0.0))
    ratio_high = np.where(low[1] > 0.0, top / control_below, np.nan)
    return ratio_low, ratio_high
