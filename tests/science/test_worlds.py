"""The forecast in shops unlike the one that it was designed on; bench/forecasts.py tries more."""

import polars as pl
import pytest

from c360_dagster.science import evaluation
from c360_dagster.science.lifetime_value import fit_forecast
from tests.science.orders import measure_afterwards, naive_forecasts
from tests.science.worlds import Trial, draw_world


def judge(world: str, seed: int, trial: Trial) -> tuple[float, float, float]:
    """Returns MAE and RMSE relative to the best naive forecast's, and the error of the total."""
    orders = draw_world(world, seed)
    told = fit_forecast(orders, trial.as_of, trial.horizon_days).values
    came = measure_afterwards(orders, told, trial.as_of, trial.horizon_days)["spend"]
    naive = naive_forecasts(orders, told, trial.as_of, trial.horizon_days)
    compared = evaluation.compare_with_naive(told["expected_spend"], came, naive)
    total = evaluation.total_error(told["expected_spend"], came)
    return compared.mae_ratio, compared.rmse_ratio, total


@pytest.mark.parametrize(
    ("world", "trial"),
    [
        ("gifts", Trial(400, 90)),
        ("wholesale", Trial(400, 30)),
        ("bought once", Trial(300, 90)),
        ("groceries", Trial(360, 90)),
        ("a cohort", Trial(273, 273)),
        ("giants that come and go", Trial(370, 365)),
        ("the dearest leave soonest", Trial(370, 365)),
    ],
)
def test_no_naive_forecast_is_better(world: str, trial: Trial) -> None:
    mae, rmse, _ = judge(world, 1, trial)
    assert mae <= 1.02
    assert rmse <= 1.02


def test_the_total_after_the_first_christmas_is_roughly_right() -> None:
    """Thirteen months are known, so the same season a year ago tells what comes now."""
    *_, total = judge("gifts", 1, Trial(400, 90))
    assert abs(total) < 0.35


def test_subscribers_are_expected_to_pay_the_same_each_month() -> None:
    """Last month is the best forecast for subscribers, so it must get most of the weight."""
    made = fit_forecast(draw_world("subscriptions", 1), Trial(638, 30).as_of, 30)
    assert made.report.spend_shares["last_period"] > 0.7
    mae, rmse, _ = judge("subscriptions", 1, Trial(638, 30))
    assert mae <= 1.1
    assert rmse <= 1.02


def test_a_world_is_the_same_for_the_same_seed() -> None:
    one, again, other = (draw_world("wholesale", seed) for seed in (1, 1, 2))
    assert one.equals(again)
    assert not one.equals(other)
    giants = one.group_by("customer_id").agg(pl.col("amount").sum()).sort("amount")["amount"]
    assert 0.05 < float(giants[-2:].sum()) / float(giants.sum()) < 0.4
