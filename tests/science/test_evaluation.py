"""The measures of a forecast equal what was worked out by hand."""

import polars as pl
import pytest

from c360_dagster.science import evaluation

EXPECTED = pl.Series([1.0, 2.0, 3.0, 4.0])
ACTUAL = pl.Series([0, 2, 5, 5])


def test_errors_by_hand() -> None:
    assert evaluation.mean_absolute_error(EXPECTED, ACTUAL) == 1.0
    assert evaluation.root_mean_squared_error(EXPECTED, ACTUAL) == pytest.approx(1.5**0.5)
    assert evaluation.total_error(EXPECTED, ACTUAL) == pytest.approx(-2 / 12)


def test_each_measure_is_held_against_its_own_best_naive() -> None:
    naive = {"zero": pl.Series([0.0] * 4), "three": pl.Series([3.0] * 4)}
    compared = evaluation.compare_with_naive(EXPECTED, ACTUAL, naive)
    assert compared.best_naive_mae == 2.0
    assert compared.best_naive_rmse == pytest.approx(4.5**0.5)
    assert (compared.mae_ratio, compared.rmse_ratio) == pytest.approx((0.5, (1.5 / 4.5) ** 0.5))
    with pytest.raises(ValueError, match="give at least one"):
        evaluation.compare_with_naive(EXPECTED, ACTUAL, {})


def test_a_perfect_naive_forecast_gives_an_infinite_ratio() -> None:
    compared = evaluation.compare_with_naive(EXPECTED, ACTUAL, {"oracle": ACTUAL})
    assert compared.mae_ratio == float("inf")


def test_calibration_by_hand() -> None:
    table = evaluation.calibration_table(EXPECTED.reverse(), ACTUAL.reverse(), groups=2)
    assert table.rows() == [(1, 2, 1.5, 1.0), (2, 2, 3.5, 5.0)]
    error = evaluation.calibration_error(EXPECTED, ACTUAL, groups=2)
    assert error == pytest.approx((0.5 + 1.5) / 2 / 3)
    assert evaluation.calibration_table(EXPECTED, ACTUAL)["customers"].to_list() == [1] * 4
    assert evaluation.calibration_table(EXPECTED.clear(), ACTUAL.clear()).is_empty()


def test_ranks_by_hand() -> None:
    assert evaluation.spearman(EXPECTED, -EXPECTED) == pytest.approx(-1)
    assert evaluation.spearman(EXPECTED, ACTUAL) == pytest.approx(4.5 / (5 * 4.5) ** 0.5)
    assert evaluation.spearman(EXPECTED, pl.Series([1, 1, 1, 1])) is None


def test_coverage_counts_both_ends() -> None:
    low, high = pl.Series([0.0, 3.0, 5.0, 0.0]), pl.Series([0.0, 4.0, 6.0, 4.9])
    assert evaluation.interval_coverage(low, high, ACTUAL) == 0.5


def test_area_and_brier_by_hand() -> None:
    happened = pl.Series([False, True, False, True])
    score = pl.Series([0.1, 0.4, 0.4, 0.9])
    assert evaluation.area_under_curve(score, happened) == pytest.approx(3.5 / 4)
    assert evaluation.area_under_curve(score, pl.Series([True] * 4)) is None
    assert evaluation.brier_score(score, happened) == pytest.approx((0.01 + 0.36 + 0.16 + 0.01) / 4)
