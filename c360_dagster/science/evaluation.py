"""How good a forecast was, once the future is known: for the pipeline's checks and the model card.

Every function takes columns of equal length: first what was expected, then what happened.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from c360_dagster.science.arrays import Floats


@dataclass(frozen=True)
class Comparison:
    """A forecast's errors and, for each measure, the smallest error of any naive forecast."""

    mae: float
    rmse: float
    best_naive_mae: float
    best_naive_rmse: float

    @property
    def mae_ratio(self) -> float:
        return _divide(self.mae, self.best_naive_mae)

    @property
    def rmse_ratio(self) -> float:
        return _divide(self.rmse, self.best_naive_rmse)


def compare_with_naive(
    expected: pl.Series, actual: pl.Series, naive: dict[str, pl.Series]
) -> Comparison:
    """Compares with naive forecasts, given by name; there must be at least one. Each measure is
    compared with the naive forecast that does best by that measure."""
    if not naive:
        raise ValueError("There is no naive forecast to compare with; give at least one.")
    others = naive.values()
    return Comparison(
        mae=mean_absolute_error(expected, actual),
        rmse=root_mean_squared_error(expected, actual),
        best_naive_mae=min(mean_absolute_error(other, actual) for other in others),
        best_naive_rmse=min(root_mean_squared_error(other, actual) for other in others),
    )


def mean_absolute_error(expected: pl.Series, actual: pl.Series) -> float:
    return _mean(np.abs(_floats(expected) - _floats(actual)))


def root_mean_squared_error(expected: pl.Series, actual: pl.Series) -> float:
    return float(np.sqrt(_mean((_floats(expected) - _floats(actual)) ** 2)))


def total_error(expected: pl.Series, actual: pl.Series) -> float:
    """Returns by which share of the actual total the expected total is too high; negative if it is
    too low."""
    return _divide(float(_floats(expected).sum()), float(_floats(actual).sum())) - 1


def calibration_table(expected: pl.Series, actual: pl.Series, groups: int = 10) -> pl.DataFrame:
    """Returns each group's mean expected and actual value, for the plot; group 1 has the lowest
    expected values."""
    expected_, actual_ = _floats(expected), _floats(actual)
    order = np.argsort(expected_, kind="stable")
    parts = [part for part in np.array_split(order, groups) if part.size]
    return pl.DataFrame(
        {
            "group": range(1, len(parts) + 1),
            "customers": [part.size for part in parts],
            "expected": [_mean(expected_[part]) for part in parts],
            "actual": [_mean(actual_[part]) for part in parts],
        },
        schema={"group": pl.Int64, "customers": pl.Int64, "expected": pl.Float64,
                "actual": pl.Float64},
    )  # fmt: skip


def calibration_error(expected: pl.Series, actual: pl.Series, groups: int = 10) -> float:
    """Returns the mean distance between the groups' expected and actual means, as a share of the
    overall actual mean."""
    table = calibration_table(expected, actual, groups)
    distance = (table["expected"] - table["actual"]).abs()
    weighted = float((distance * table["customers"]).sum())
    return _divide(weighted, abs(float(_floats(actual).sum())))


def spearman(expected: pl.Series, actual: pl.Series) -> float | None:
    """Returns the correlation of the ranks; ties get their middle rank. None if one of the columns
    has only equal values."""
    first, second = (_floats(each.rank("average")) for each in (expected, actual))
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def interval_coverage(low: pl.Series, high: pl.Series, actual: pl.Series) -> float:
    """Returns the share of customers who ended up within their interval, ends included."""
    happened = _floats(actual)
    inside = (happened >= _floats(low)) & (happened <= _floats(high))
    return _mean(inside.astype(np.float64))


def area_under_curve(score: pl.Series, happened: pl.Series) -> float | None:
    """Returns the probability that, of two random customers to one of whom it happened, that one
    has the higher score. None if it happened to everyone or to nobody."""
    ranks, yes = _floats(score.rank("average")), _floats(happened) > 0
    with_it, without = int(yes.sum()), int((~yes).sum())
    if not with_it or not without:
        return None
    return float((ranks[yes].sum() - with_it * (with_it + 1) / 2) / (with_it * without))


def brier_score(probability: pl.Series, happened: pl.Series) -> float:
    return _mean((_floats(probability) - (_floats(happened) > 0)) ** 2)


def _floats(values: pl.Series) -> Floats:
    return values.cast(pl.Float64).to_numpy()


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else 0.0


def _divide(part: float, whole: float) -> float:
    """Divides. 0 / 0 is 1, because the two agree; anything else / 0 is infinite."""
    if whole:
        return part / whole
    return 1.0 if not part else float("inf")
