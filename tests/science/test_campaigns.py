"""A campaign's effect has intervals as published, and the planted effects lie within them."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from scipy import stats

from c360_dagster.science.campaigns import Effect, effect, effects
from tests.science.retailer import Retailer


def contacts(treated: Sequence[object], controls: Sequence[object]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "group": ["treatment"] * len(treated) + ["control"] * len(controls),
            "metric": pl.Series([*treated, *controls], strict=False),
        },
        schema_overrides={"group": pl.String},
    )


def converted(successes: int, of: int) -> list[int]:
    return [1] * successes + [0] * (of - successes)


# Against what others publish and compute --------------------------------------------------------


def test_the_difference_of_rates_has_newcombes_interval() -> None:
    """Newcombe's first example is 56 of 70 against 48 of 80.

    It is in Statistics in Medicine 17, 1998, method 10.
    """
    found = effect(contacts(converted(56, 70), converted(48, 80)), "metric")
    assert (found.treated, found.controls) == (70, 80)
    assert found.difference == pytest.approx(0.2)
    assert found.difference_low == pytest.approx(0.0524, abs=5e-5)
    assert found.difference_high == pytest.approx(0.3339, abs=5e-5)


def test_lift_is_relative_to_the_control() -> None:
    found = effect(contacts(converted(30, 200), converted(20, 200)), "metric")
    assert found.lift == pytest.approx(0.5)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.0
    assert found.high > 0.5


def test_the_p_value_of_rates_is_the_chi_square_tests() -> None:
    found = effect(contacts(converted(56, 70), converted(48, 80)), "metric")
    expected = stats.chi2_contingency([[56, 14], [48, 32]], correction=False).pvalue
    assert found.p_value == pytest.approx(expected, abs=1e-6)


def test_means_are_compared_after_welch() -> None:
    rng = np.random.default_rng(3)
    treated, controls = rng.gamma(2, 30, 90), rng.gamma(2, 20, 40)
    found = effect(contacts(list(treated), list(controls)), "metric")
    welch = stats.ttest_ind(treated, controls, equal_var=False)
    assert found.p_value == pytest.approx(welch.pvalue, abs=1e-6)
    interval = welch.confidence_interval(0.95)
    assert found.difference_low == pytest.approx(interval.low, abs=1e-5)
    assert found.difference_high == pytest.approx(interval.high, abs=1e-5)


def test_the_limits_of_a_ratio_of_means_solve_fiellers_equation() -> None:
    rng = np.random.default_rng(5)
    treated, controls = rng.gamma(2, 30, 90), rng.gamma(2, 20, 60)
    found = effect(contacts(list(treated), list(controls)), "metric")
    error = [float(np.var(side, ddof=1)) / len(side) for side in (treated, controls)]
    welch = stats.ttest_ind(treated, controls, equal_var=False)
    quantile = float(stats.t.ppf(0.975, welch.df))
    for limit in (found.low, found.high):
        assert limit is not None
        ratio = 1.0 + limit
        gap = treated.mean() - ratio * controls.mean()
        assert abs(gap) == pytest.approx(
            quantile * np.sqrt(error[0] + ratio**2 * error[1]), rel=1e-4
        )


@pytest.mark.parametrize("kind", ["conversions", "orders"])
def test_the_truth_lies_within_the_interval_as_often_as_promised(kind: str) -> None:
    rng = np.random.default_rng(8)
    worlds, size = 600, 300
    is_treated = np.tile(np.arange(size) % 3 > 0, worlds)
    mean = np.where(is_treated, 0.3, 0.2)
    drawn = rng.random(len(mean)) < mean if kind == "conversions" else rng.poisson(mean)
    frame = pl.DataFrame(
        {
            "world": np.repeat(np.arange(worlds), size),
            "group": np.where(is_treated, "treatment", "control"),
            "metric": drawn.astype(int),
        }
    )
    found = effects(frame, "metric", by=["world"])
    covered = found.select(
        ((pl.col("low") <= 0.5) & (pl.col("high").fill_null(np.inf) >= 0.5)).mean(),
        differences=pl.lit(0.1).is_between("difference_low", "difference_high").mean(),
    ).row(0)
    assert all(0.93 <= share <= 0.975 for share in covered)


def test_the_planted_lifts_are_recovered(retailer: Retailer) -> None:
    truth = retailer.home.truth("campaigns").select("campaign_id", planted="lift")
    contacted = retailer.contacts()
    found = effects(contacted, "orders", by=["campaign_id"]).join(
        truth.cast({"planted": pl.Float64}), on="campaign_id"
    )
    assert found.height == 14
    within = (pl.col("low") <= pl.col("planted")) & (
        pl.col("high").fill_null(np.inf) >= pl.col("planted")
    )
    assert found.select(within.sum()).item() >= 12
    together = effect(contacted, "orders")
    mean = found.select((pl.col("planted") * pl.col("treated")).sum() / pl.col("treated").sum())
    assert together.low is not None
    assert together.high is not None
    assert together.low <= mean.item() <= together.high
    assert together.p_value is not None
    assert together.p_value < 1e-6


# Many at once -----------------------------------------------------------------------------------


def test_each_campaign_and_cluster_has_its_own_row() -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "campaign_id": rng.choice(["A", "B"], 400),
            "cluster_id": rng.integers(1, 4, 400),
            "group": rng.choice(["treatment", "control"], 400),
            "revenue": rng.exponential(10, 400),
        }
    )
    found = effects(frame, "revenue", by=["campaign_id", "cluster_id"])
    assert found.select("campaign_id", "cluster_id").rows() == [
        (c, k) for c in "AB" for k in (1, 2, 3)
    ]
    for row in found.iter_rows(named=True):
        campaign, cluster = row.pop("campaign_id"), row.pop("cluster_id")
        alone = frame.filter(
            (pl.col("campaign_id") == campaign) & (pl.col("cluster_id") == cluster)
        )
        assert effect(alone, "revenue") == Effect(**row)
    mixed = frame.sample(fraction=1.0, shuffle=True, seed=2)
    assert effects(mixed, "revenue", by=["campaign_id", "cluster_id"]).equals(found)


# Edges ------------------------------------------------------------------------------------------


def test_without_a_control_only_the_treated_mean_is_known() -> None:
    found = effect(contacts([1, 0, 1, 1], []), "metric")
    assert (found.treated, found.controls, found.treated_mean) == (4, 0, 0.75)
    rest = (found.control_mean, found.difference, found.lift, found.low, found.high, found.p_value)
    assert rest == (None,) * 6


def test_without_contacts_nothing_is_known() -> None:
    empty = pl.DataFrame(
        schema={"group": pl.String, "metric": pl.Float64, "campaign_id": pl.String}
    )
    found = effect(empty, "metric")
    assert (found.treated, found.controls, found.lift, found.p_value) == (0, 0, None, None)
    assert effects(empty, "metric", by=["campaign_id"]).height == 0


def test_one_contact_each_has_a_lift_and_no_interval_of_means() -> None:
    found = effect(contacts([30.0], [20.0]), "metric")
    assert found.lift == pytest.approx(0.5)
    assert (found.low, found.high, found.p_value) == (None, None, None)
    assert (found.difference_low, found.difference_high) == (None, None)


def test_values_that_never_vary() -> None:
    """Without variation, two equal groups are surely equal; two different ones have no p-value."""
    same = effect(contacts([5.0] * 4, [5.0] * 6), "metric")
    assert (same.lift, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)
    apart = effect(contacts([6.0] * 4, [5.0] * 6), "metric")
    assert apart.lift == pytest.approx(0.2)
    assert (apart.low, apart.high) == pytest.approx((0.2, 0.2))
    assert apart.p_value is None
    nothing = effect(contacts([0.0] * 4, [0.0] * 6), "metric")
    assert (nothing.difference, nothing.lift, nothing.p_value) == (0.0, None, 1.0)


def test_nobody_in_the_control_converted() -> None:
    found = effect(contacts(converted(3, 10), converted(0, 10)), "metric")
    assert (found.lift, found.low, found.high) == (None, None, None)
    assert found.difference == pytest.approx(0.3)
    assert found.p_value is not None


def test_nobody_converted_at_all() -> None:
    found = effect(contacts(converted(0, 10), converted(0, 10)), "metric")
    assert (found.difference, found.p_value, found.lift) == (0.0, 1.0, None)


def test_nobody_of_the_treated_converted() -> None:
    found = effect(contacts(converted(0, 50), converted(10, 50)), "metric")
    assert (found.lift, found.low) == (-1.0, -1.0)
    assert found.high is not None
    assert -1.0 < found.high < 0.0


def test_an_uncertain_control_gives_a_lift_without_an_upper_limit() -> None:
    found = effect(contacts([10.0, 12.0, 8.0], [0.0, 9.0, 0.0]), "metric")
    assert found.low is not None
    assert found.high is None


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_two_uncertain_groups_give_a_lift_without_limits(sign: float) -> None:
    """Once, a single return among the treated gave a lift of surely more than three times."""
    found = effect(contacts([0.0] * 9 + [sign * 100.0], [0.0] * 6 + [60.0]), "metric")
    assert found.lift is not None
    assert (found.low, found.high) == (None, None)
    assert found.difference_low is not None
    assert found.difference_high is not None


def test_contacts_without_a_value_are_left_out() -> None:
    some = effect(contacts([5.0, None, 7.0], [3.0, 2.0, None]), "metric")
    assert some == effect(contacts([5.0, 7.0], [3.0, 2.0]), "metric")


def test_money_and_booleans_are_numbers() -> None:
    money = effect(contacts([Decimal("5.00"), Decimal("7.00")], [Decimal("3.00")] * 2), "metric")
    assert money.lift == pytest.approx(1.0)
    yes = effect(contacts([True, True, False], [True, False, False]), "metric")
    assert yes == effect(contacts([1, 1, 0], [1, 0, 0]), "metric")


def test_money_is_no_rate_even_where_nobody_brought_any() -> None:
    """If zero amounts were taken for rates, the interval for five contacts would be ±2.17."""
    found = effect(contacts([Decimal("0.00")] * 5, [Decimal("0.00")] * 5), "metric")
    assert (found.difference_low, found.difference_high, found.p_value) == (0, 0, 1)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (pl.DataFrame({"group": ["treated"], "metric": [1]}), "not treated"),
        (pl.DataFrame({"group": ["control", None], "metric": [1, 1]}), "not None"),
        (pl.DataFrame({"metric": [1]}), "lack the columns group"),
    ],
)
def test_unusable_input_is_an_error(frame: pl.DataFrame, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        effect(frame, "metric")
