"""The parts of the forecast, each alone: shares, level, outliers, calibration, intervals."""

import numpy as np
import pytest

from c360_dagster.science.arrays import Floats
from c360_dagster.science.lifetime_value import stack as stack_module
from c360_dagster.science.lifetime_value.activity import fit_calibration, read_signs
from c360_dagster.science.lifetime_value.candidates import (
    Candidates,
    Known,
    fit_models,
    winsorise,
)
from c360_dagster.science.lifetime_value.intervals import (
    Outlook,
    assume_intervals,
    fit_spread,
    place_intervals,
)
from c360_dagster.science.lifetime_value.stack import fit_mix, fit_shares
from c360_dagster.science.lifetime_value.traits import fit_traits

NAMES = ("mbgnbd", "bgnbd", "last_period", "mean_rate")


def draw_candidates(rows: int) -> tuple[Floats, np.random.Generator]:
    random = np.random.default_rng(8)
    return random.gamma(1, 10, (rows, len(NAMES))), random


# Shares and level ----------------------------------------------------------------------------


def test_shares_go_to_the_forecasts_that_were_right() -> None:
    values, random = draw_candidates(20_000)
    actual = 0.2 * values[:, 0] + 0.7 * values[:, 3] + random.normal(0, 0.5, len(values))
    shares = fit_shares(NAMES, values, actual)
    # The shares are pulled towards the prior, which is a tenth for the last candidate.
    assert shares[3] == max(shares)
    assert shares[3] > 0.4
    assert shares[0] > shares[1]


def test_no_share_is_negative() -> None:
    values, _ = draw_candidates(5000)
    shares = fit_shares(NAMES, values, np.maximum(values[:, 0] - values[:, 2], 0))
    assert (shares >= 0).all()
    assert shares[2] == 0


def test_a_sample_of_many_customers_finds_the_same_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    values, random = draw_candidates(30_000)
    actual = values[:, 0] * random.gamma(2, 0.5, len(values))
    whole = fit_shares(NAMES, values, actual)
    monkeypatch.setattr(stack_module, "ROWS", 6000)
    assert fit_shares(NAMES, values, actual) == pytest.approx(whole, abs=0.06)


def test_the_models_level_is_corrected_as_far_as_the_rehearsal_is_trusted() -> None:
    values, _ = draw_candidates(5000)
    actual = 1.44 * values[:, :2].mean(axis=1)
    for trust, season, level in ((0.0, 1.0, 1.0), (0.5, 1.0, 1.2), (1.0, 2.0, 2.88)):
        mix = fit_mix(NAMES, values, actual, trust, season)
        assert mix.level == pytest.approx(level)
        assert mix.predict(values).sum() == pytest.approx(values[:, :2].sum() / 2 * level)
        assert mix.fitted.sum() == pytest.approx(actual.sum())


def test_a_giant_says_nothing_of_the_level() -> None:
    values, _ = draw_candidates(2000)
    actual = values[:, :2].mean(axis=1)
    values[7] = 1e6
    actual[7] = 0.0
    assert fit_mix(NAMES, values, actual, 1.0, 1.0).level == pytest.approx(1, abs=1e-6)


def test_without_a_model_the_naive_forecasts_are_mixed() -> None:
    values, _ = draw_candidates(5000)
    mix = fit_mix(NAMES[2:], values[:, 2:], 0.5 * values[:, 2], 1.0, 1.0)
    assert mix.shares[0] > 0.35
    assert mix.shares[1] < 0.15


def test_naive_forecasts_have_no_share_if_nobody_came_back() -> None:
    """Years after the last order, the forecast of the last period is zero, and it is right."""
    values, _ = draw_candidates(200)
    values[:, NAMES.index("last_period")] = 0.0
    mix = fit_mix(NAMES, values, np.zeros(200), 1.0, 1.0)
    assert mix.fitted.sum() == 0
    assert np.isfinite(mix.predict(values)).all()


# Outliers ------------------------------------------------------------------------------------


def known_buyers(rows: int) -> Known:
    random = np.random.default_rng(3)
    frequency = random.poisson(2, rows).astype(np.float64)
    spend = np.asarray((frequency + 1) * random.gamma(5, 8, rows), dtype=np.float64)
    recency = random.uniform(1, 30, rows) * (frequency > 0)
    return Known(frequency, recency, recency + 5, spend, spend, frequency)


def test_only_an_outlier_is_reduced() -> None:
    value = known_buyers(500).value
    assert np.array_equal(winsorise(value), value)
    with_outlier = np.append(value, 1e9)
    assert np.array_equal(winsorise(with_outlier)[:-1], value)
    assert winsorise(with_outlier)[-1] < 10 * value.max()


def test_a_mistyped_amount_does_not_change_the_others_expected_spend() -> None:
    known = known_buyers(500)
    slipped = known_buyers(500)
    slipped.spend[3] = 1e9
    before, after = (
        fit_models(each).spend.expected_value(np.array([1.0]), np.array([40.0]))
        for each in (known, slipped)
    )
    assert after == pytest.approx(before, rel=0.05)


# Activity ------------------------------------------------------------------------------------


def test_calibration_learns_from_the_time_since_the_last_order() -> None:
    random = np.random.default_rng(4)
    size = 20_000
    silence = random.uniform(0, 50, size)
    recency = random.uniform(0, 20, size)
    none = np.zeros(size)
    bought = random.integers(1, 9, size).astype(np.float64)
    known = Known(bought, recency, recency + silence, none, none, none)
    truth = 1 / (1 + np.exp(silence / 10 - 2))
    returned = (random.random(size) < truth).astype(float)
    signs = read_signs(known, np.full(size, 0.5))
    told = fit_calibration(signs, returned).apply(signs)
    # The calibration uses the logarithm of silence, which cannot follow this truth exactly.
    assert np.abs(told - truth).mean() < 0.07
    assert np.corrcoef(told, truth)[0, 1] > 0.96


def test_calibration_corrects_models_that_were_sure_and_wrong() -> None:
    """After a year's closure the models give up nearly all customers, but a third come back.

    Full Newton steps once diverged here and drove everybody's chance to zero or one.
    """
    random = np.random.default_rng(6)
    size = 1000
    frequency = random.poisson(6, size).astype(np.float64)
    none = np.zeros(size)
    silence = random.uniform(50, 100, size)
    known = Known(frequency, none, silence, none, none, none)
    returned = (random.random(size) < 0.3).astype(np.float64)
    signs = read_signs(known, np.where(frequency > 0, 1e-12 ** random.random(size), 0.99))
    told = fit_calibration(signs, returned).apply(signs)
    assert told.mean() == pytest.approx(returned.mean(), abs=0.02)
    assert np.mean((told - returned) ** 2) < 0.22


def test_orders_taken_from_one_time_buyers_are_spread_over_all() -> None:
    """The models expect 2, 2 and 4 orders of three customers, who bought once, once and often."""
    orders = np.array([[2.0, 9.0], [2.0, 9.0], [4.0, 9.0]])
    made = Candidates(("bgnbd", "mean_rate"), orders * 10, orders, np.array([0.8, 0.8, 0.9]))
    frequency, zero = np.array([0.0, 0.0, 5.0]), np.zeros(3)
    known = Known(frequency, zero, zero, zero, zero, zero)
    told = made.scale_one_time_buyers(known, np.array([0.4, 0.2, 0.1]))
    # 1, 0.5 and 4 add up to 5.5, and the total must stay 8.
    assert told.orders[:, 0] == pytest.approx(np.array([1.0, 0.5, 4.0]) * 8 / 5.5)
    assert told.orders[:, 1] == pytest.approx(9.0)
    assert told.spend == pytest.approx(told.orders * 10)
    naive = Candidates(("mean_rate",), orders[:, 1:], orders[:, 1:], None)
    assert naive.scale_one_time_buyers(known, zero) is naive


def test_without_anything_to_learn_from_the_models_probability_stays() -> None:
    known = known_buyers(50)
    signs = read_signs(known, np.linspace(0.1, 0.9, 50))
    told = fit_calibration(signs[:0], np.zeros(0)).apply(signs)
    assert told == pytest.approx(np.linspace(0.1, 0.9, 50))


# Traits --------------------------------------------------------------------------------------


def draw_known(size: int) -> tuple[Known, np.random.Generator]:
    """Draws customers with two orders each, of 20 or of 200, who are known for up to a year."""
    random = np.random.default_rng(12)
    age, none = random.uniform(0, 52, size), np.zeros(size)
    value = random.choice([20.0, 200.0], size)
    return Known(none + 1, age / 2, age, value * 2, none, none), random


def test_big_spending_newcomers_who_left_get_lower_forecasts() -> None:
    """All were expected to order twice; the dear ones ordered half as often, newcomers less too."""
    known, random = draw_known(20_000)
    is_dear, is_new = known.value > 100, known.age < 10
    truth = np.where(is_dear, 0.5, 1.0) * np.sqrt((1 + known.age) / 27)
    expected = np.full(len(truth), 2.0)
    weight = fit_traits(known, expected, random.poisson(truth).astype(float)).weigh(known)
    told = weight * truth.sum() / weight.sum()
    for group in (is_dear & is_new, is_dear & ~is_new, ~is_dear & is_new, ~is_dear & ~is_new):
        assert told[group].mean() == pytest.approx(truth[group].mean(), rel=0.1)
    # In another season the same customers order three times as much.
    more = fit_traits(known, expected, random.poisson(3 * truth).astype(float))
    assert more.weigh(known) == pytest.approx(weight, rel=0.1)


def test_traits_beyond_the_observed_range_are_capped() -> None:
    """At the rehearsal nobody was known for longer than a year, so ten years count as five."""
    known, random = draw_known(20_000)
    traits = fit_traits(known, np.ones(20_000), random.poisson(known.age / 26).astype(float))
    weeks, one = np.array([52.0, 260.0, 520.0]), np.ones(3)
    weight = traits.weigh(Known(one, weeks / 2, weeks, 40 * one, one, one))
    assert weight[0] < weight[1] == weight[2]


@pytest.mark.parametrize("scatter", [0.01, 20.0])
def test_random_differences_give_everybody_the_same_weight(scatter: float) -> None:
    """However much customers differ, all weigh the same if no trait tells who buys more."""
    known, random = draw_known(2000)
    truth = random.gamma(1 / scatter, scatter, 2000)
    traits = fit_traits(known, np.ones(2000), random.poisson(truth).astype(np.float64))
    assert (traits.weigh(known) == 1).all()


def test_all_weigh_the_same_if_nobody_was_known_or_came_back() -> None:
    known, _ = draw_known(50)
    nobody = Known(*(np.zeros(0) for _ in range(6)))
    for traits in (
        fit_traits(known, np.ones(50), np.zeros(50)),
        fit_traits(nobody, np.zeros(0), np.zeros(0)),
    ):
        assert (traits.weigh(known) == 1).all()


def test_orders_taken_from_some_customers_are_spread_over_all() -> None:
    """The total of orders stays. The total of spend does not, because the dear one weighs less."""
    orders = np.array([[2.0, 9.0], [6.0, 9.0]])
    made = Candidates(("bgnbd", "mean_rate"), orders * [[100.0], [10.0]], orders, np.ones(2))
    told = made.weigh(np.array([0.5, 1.5]))
    # 1 and 9 add up to 10, and the total must stay 8.
    assert told.orders == pytest.approx(np.array([[0.8, 9.0], [7.2, 9.0]]))
    assert told.spend == pytest.approx(np.array([[80.0, 900.0], [72.0, 90.0]]))


# Intervals -----------------------------------------------------------------------------------


@pytest.mark.parametrize("share_active", [0.05, 0.5, 0.95])
def test_four_in_five_lie_within_the_interval_unless_nearly_nobody_buys(
    share_active: float,
) -> None:
    random = np.random.default_rng(5)
    size = 20_000
    p_active = np.clip(random.normal(share_active, 0.03, size), 0.01, 0.99)
    orders = random.uniform(1, 8, size)
    active = random.random(size) < p_active
    actual = active * random.gamma(2 * orders, 20 / 2)
    outlook = Outlook(p_active * orders * 20, p_active * orders, p_active)
    half = size // 2
    first, second = (
        Outlook(outlook.spend[rows], outlook.orders[rows], outlook.p_active[rows])
        for rows in (slice(half), slice(half, size))
    )
    spread = fit_spread(first, actual[:half])
    assert spread is not None
    low, high = place_intervals(spread, second)
    covered = float(((actual[half:] >= low) & (actual[half:] <= high)).mean())
    assert covered == pytest.approx(max(0.8, 1 - share_active), abs=0.03)


def test_an_assumed_interval_is_used_if_too_few_buyers_are_known() -> None:
    few = Outlook(np.array([100.0, 0.0]), np.array([4.0, 0.0]), np.array([0.9, 0.0]))
    assert fit_spread(few, np.array([90.0, 0.0])) is None
    low, high = assume_intervals(few)
    # Four purchases of 25 give 1.2816 times the root of 2 · 100 · 25 on either side.
    assert low == pytest.approx([100 - 90.62, 0], abs=0.01)
    assert high == pytest.approx([190.62, 0], abs=0.01)
