"""Each standard is tested at its bound, with handmade estimates just good enough, and just not."""

from types import SimpleNamespace
from typing import cast

import polars as pl
import pytest

from c360_dagster.science.answers import segments
from c360_dagster.science.answers.campaigns import EVERYBODY, _judge_lifts
from c360_dagster.science.answers.forecasts import _judge_churn, _judge_errors, _judge_future
from c360_dagster.science.answers.segments import _judge_changes, _judge_personas
from c360_dagster.science.answers.suggestions import _judge_recall
from c360_dagster.science.lifetime_value import Forecast
from c360_dagster.science.recommenders import POPULARITY
from c360_dagster.science.segmentation import Segments


@pytest.mark.parametrize(("changed", "is_passed"), [(1, True), (2, False)])
def test_one_customer_in_twenty_may_have_another_persona(changed: int, *, is_passed: bool) -> None:
    before = pl.DataFrame({"customer_id": [f"c{i}" for i in range(20)], "cluster_id": [1] * 20})
    other = pl.Series([2] * changed + [1] * (20 - changed))
    assert _judge_changes(before, before.with_columns(cluster_id=other)).is_passed is is_passed


@pytest.mark.parametrize(("agreement", "is_passed"), [(0.6, True), (0.59, False)])
def test_personas_must_agree_with_the_truth_for_frequent_buyers(
    monkeypatch: pytest.MonkeyPatch, agreement: float, *, is_passed: bool
) -> None:
    monkeypatch.setattr(segments, "adjusted_rand", lambda *_: agreement)
    labels = pl.DataFrame({"customer_id": ["a", "b", "c"], "cluster_id": [1, 2, 1]})
    truth = pl.DataFrame({"customer_id": ["a", "b", "c"], "persona": ["x", "y", "x"]})
    features = pl.DataFrame({"orders": [3, 2, 4]})
    found = _judge_personas(Segments(labels, pl.DataFrame(), pl.DataFrame()), features, truth)
    assert (found.is_passed, found.numbers["customers"]) == (is_passed, 2)


@pytest.mark.parametrize(
    ("errors", "is_passed"),
    [([10.1] * 4, True), ([10.3] * 4, False), ([0.0, 0.0, 0.0, 30.0], False)],
)
def test_a_forecast_may_miss_hardly_more_than_the_best_naive_one(
    errors: list[float], *, is_passed: bool
) -> None:
    """Both the sum and the worst miss count. The naive forecasts say 0, and 10 were spent."""
    nothing = [0.0] * 4
    held_out = pl.DataFrame(
        {
            "expected_spend": [10 + error for error in errors],
            "past_spend_after": [10.0] * 4,
            "past_spend": nothing,
            "past_age_days": nothing,
            "past_spend_last": nothing,
        }
    )
    tried = cast("Forecast", SimpleNamespace(plan=SimpleNamespace(horizon_days=30)))
    assert _judge_errors(held_out, tried).is_passed is is_passed


@pytest.mark.parametrize(
    ("purchases", "p_active", "is_passed"),
    [
        ([0, 0, 1, 1], [0.2, 0.2, 0.8, 0.8], True),
        ([0, 0, 1, 1], [0.5, 0.5, 0.5, 0.5], False),  # all have the same risk
        ([0, 0, 1, 1], [0.0, 0.0, 0.1, 0.1], False),  # told apart, but all given up
        ([1, 1, 1, 1], [0.1, 0.2, 0.3, 0.4], True),  # nobody stayed away
    ],
)
def test_customers_who_stayed_away_must_have_had_the_higher_risk(
    purchases: list[int], p_active: list[float], *, is_passed: bool
) -> None:
    held_out = pl.DataFrame({"past_purchases_after": purchases, "p_active": p_active})
    assert _judge_churn(held_out).is_passed is is_passed


@pytest.mark.parametrize(
    ("expected", "held", "is_passed"),
    [
        ((91, 91), 80, True),
        ((109, 109), 80, True),
        ((89, 89), 80, False),
        ((111, 111), 80, False),
        ((86, 114), 80, True),
        ((84, 116), 80, False),  # right in total, but not by tenths
        ((100, 100), 74, False),
    ],
)
def test_a_forecast_must_agree_with_the_simulated_future(
    expected: tuple[int, int], held: int, *, is_passed: bool
) -> None:
    future = pl.DataFrame(
        {
            "expected_spend": [expected[0]] * 50 + [expected[1]] * 50,
            "spend": [100.0] * 100,
            "orders": [1] * 100,
            "low": [0] * 100,
            "high": [200] * held + [50] * (100 - held),
            "p_active": [0.9] * 100,
        }
    )
    assert _judge_future(future).is_passed is is_passed


@pytest.mark.parametrize(("within", "is_passed"), [(17, True), (16, False)])
def test_seventeen_of_twenty_planted_lifts_must_be_found(within: int, *, is_passed: bool) -> None:
    """Only lifts over all customers count. An interval may have no upper end.

    A campaign without an interval is left out, so 20 of the 21 campaigns are judged.
    """
    names = [f"k{i}" for i in range(21)]
    of_all = pl.DataFrame(
        {
            "campaign_id": names,
            "cluster_id": EVERYBODY,
            "revenue_lift_low": [0.1] * within + [0.9] * (20 - within) + [None],
            "revenue_lift_high": [0.9, None] + [0.5] * (within - 2) + [1.0] * (21 - within),
        }
    )
    of_one = of_all.with_columns(cluster_id=1, revenue_lift_low=pl.lit(5.0))
    truth = pl.DataFrame({"campaign_id": names, "planted": [0.5] * 21})
    found = _judge_lifts(pl.concat([of_all, of_one], how="vertical_relaxed"), truth)
    assert (found.is_passed, found.numbers["campaigns"]) == (is_passed, 20)


@pytest.mark.parametrize(
    ("method", "recall", "is_simulated", "is_passed"),
    [
        ("taste", 0.375, True, True),
        ("taste", 0.37, True, False),  # more is demanded, because the simulator planted tastes
        ("taste", 0.25, False, True),
        ("taste", 0.24, False, False),
        (POPULARITY, 0.25, True, True),
    ],
)
def test_suggestions_must_beat_best_sellers(
    method: str, recall: float, *, is_simulated: bool, is_passed: bool
) -> None:
    compared = pl.DataFrame(
        {"method": [POPULARITY, "taste"], "recall": [0.25, recall]}
    ).with_columns(is_chosen=pl.col("method") == method)
    assert _judge_recall(compared, is_simulated=is_simulated).is_passed is is_passed
