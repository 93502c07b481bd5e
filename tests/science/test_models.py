"""BG/NBD, MBG/NBD and Gamma-Gamma agree with published figures, other computations and truth."""

from collections.abc import Callable
from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.integrate import quad
from scipy.special import hyp2f1
from scipy.stats import beta, gamma

from c360_dagster.science.arrays import Floats
from c360_dagster.science.lifetime_value import (
    PurchaseModel,
    fit_bgnbd,
    fit_gamma_gamma,
    fit_mbgnbd,
    summarise,
)
from c360_dagster.science.lifetime_value import gamma_gamma as gamma_gamma_module
from c360_dagster.science.lifetime_value import purchases as purchases_module
from c360_dagster.science.lifetime_value.gamma_gamma import spend_likelihood
from c360_dagster.science.lifetime_value.likelihood import Likelihood
from c360_dagster.science.lifetime_value.purchases import Histories, Pairs, purchase_likelihood
from tests.science.orders import read_cdnow


@pytest.fixture(scope="module")
def cdnow() -> pl.DataFrame:
    return summarise(read_cdnow(), date(1997, 9, 30))


def history(x: float, recency: float, age: float) -> Histories:
    return Histories(*(np.array([value]) for value in (x, recency, age, 1.0)))


def model(r: float, alpha: float, a: float, b: float, *, stops_at_once: bool) -> PurchaseModel:
    return PurchaseModel(r, alpha, a, b, 0.0, True, stops_at_once, 1)  # noqa: FBT003


# Published figures ---------------------------------------------------------------------------


def test_bgnbd_is_the_published_one(cdnow: pl.DataFrame) -> None:
    fitted = fit_bgnbd(cdnow)
    found = (fitted.r, fitted.alpha, fitted.a, fitted.b)
    assert found == pytest.approx((0.24259, 4.41353, 0.79289, 2.42575), rel=1e-3)
    assert fitted.log_likelihood == pytest.approx(-9582.4256, rel=1e-5)
    assert fitted.converged


def test_mbgnbd_is_the_published_one(cdnow: pl.DataFrame) -> None:
    fitted = fit_mbgnbd(cdnow)
    found = (fitted.r, fitted.alpha, fitted.a, fitted.b)
    assert found == pytest.approx((0.52484, 6.18299, 0.89136, 1.61400), rel=1e-3)
    assert fitted.log_likelihood == pytest.approx(-9582.1327, rel=1e-5)
    assert fitted.converged


def test_gamma_gamma_is_the_published_one(cdnow: pl.DataFrame) -> None:
    fitted = fit_gamma_gamma(cdnow)
    found = (fitted.p, fitted.q, fitted.gamma)
    assert found == pytest.approx((6.2488, 3.7446, 15.4477), rel=1e-3)
    assert fitted.converged


def test_the_unit_of_time_scales_alpha_alone(cdnow: pl.DataFrame) -> None:
    in_days = fit_bgnbd(cdnow.with_columns(pl.col("recency", "T") * 7))
    in_weeks = fit_bgnbd(cdnow)
    assert in_days.alpha == pytest.approx(7 * in_weeks.alpha, rel=1e-4)
    assert in_days.b == pytest.approx(in_weeks.b, rel=1e-4)


# Likelihoods ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stops_at_once", "likelihood"),
    [
        # Nobody can have left yet, so it is the chance to be silent for T: alpha / (alpha + T).
        (False, 1 / 2),
        # Half stayed after the first purchase and were silent; half left at once.
        (True, 1 / 2 * 1 / 2 + 1 / 2),
    ],
)
def test_likelihood_of_a_one_time_buyer_by_hand(*, stops_at_once: bool, likelihood: float) -> None:
    of = purchase_likelihood(history(0, 0, 1), stops_at_once=stops_at_once)
    assert of(np.ones(4))[0] == pytest.approx(np.log(likelihood))


@pytest.mark.parametrize("stops_at_once", [False, True])
@pytest.mark.parametrize(("x", "recency", "age"), [(0, 0, 5), (1, 1.5, 3), (3, 4, 9), (6, 7.9, 8)])
def test_the_likelihood_is_the_mean_over_all_possible_customers(
    x: int, recency: float, age: float, *, stops_at_once: bool
) -> None:
    """The expected likelihood is averaged over λ and p.

    A customer bought x times at rate λ, and then either stayed and was silent, or stopped.
    """
    r, alpha, a, b = 0.9, 3.0, 0.8, 2.4
    everybody = (np.arange(800) + 0.5) / 800
    p, rate = beta.ppf(everybody, a, b)[:, None], gamma.ppf(everybody, r, scale=1 / alpha)
    chances = x + stops_at_once
    stayed = (1 - p) ** chances * np.exp(-rate * age)
    stopped = p * (1 - p) ** (chances - 1) * np.exp(-rate * recency) if chances else 0.0
    expected = (rate**x * (stayed + stopped)).mean()
    of = purchase_likelihood(history(x, recency, age), stops_at_once=stops_at_once)
    value, _ = of(np.array([r, alpha, a, b]))
    assert np.exp(value) == pytest.approx(expected, rel=5e-3)


def test_the_likelihood_of_spend_is_the_mean_over_all_possible_customers() -> None:
    p, q, scale, x, mean = 2.5, 3.0, 4.0, 3, 1.7
    # The mean of x purchases of shape p and rate ν is of shape p·x and rate x·ν.
    expected, _ = quad(
        lambda v: gamma.pdf(mean, p * x, scale=1 / (x * v)) * gamma.pdf(v, q, scale=1 / scale),
        0,
        50,
    )
    of = spend_likelihood(np.array([float(x)]), np.array([mean]), np.ones(1))
    assert np.exp(of(np.array([p, q, scale]))[0]) == pytest.approx(expected, rel=1e-6)


def assert_slopes(of: Likelihood, at: Floats) -> None:
    _, slopes = of(at)
    for place, slope in enumerate(slopes):
        step = np.zeros(len(at))
        step[place] = 1e-5 * at[place]
        rise = of(at + step)[0] - of(at - step)[0]
        assert slope == pytest.approx(rise / (2 * step[place]), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("stops_at_once", [False, True])
@pytest.mark.parametrize("at", [(0.3, 4.0, 0.8, 2.4), (2.0, 0.5, 3.0, 0.4)])
def test_slopes_of_the_purchase_likelihood(at: tuple[float, ...], *, stops_at_once: bool) -> None:
    histories = Histories(
        np.array([0.0, 1, 1, 4]),
        np.array([0.0, 2, 5, 9]),
        np.array([7.0, 6, 5, 11]),
        np.array([5.0, 1, 2, 3]),
    )
    of = purchase_likelihood(histories, stops_at_once=stops_at_once)
    assert_slopes(of, np.array(at))


def test_slopes_of_the_spend_likelihood() -> None:
    of = spend_likelihood(np.array([1.0, 2, 9]), np.array([3.0, 0.4, 1.1]), np.array([2.0, 1, 4]))
    assert_slopes(of, np.array([1.3, 2.2, 0.7]))


# Truth ---------------------------------------------------------------------------------------


def draw_summary(*, customers: int, stops_at_once: bool, seed: int) -> pl.DataFrame:
    """Simulates customers one by one as the model assumes, with r .8, alpha 6, a .9, b 3."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(customers):
        rate, p, age = random.gamma(0.8, 1 / 6), random.beta(0.9, 3.0), random.uniform(20, 60)
        now, x = 0.0, 0
        while not (random.random() < p and (x > 0 or stops_at_once)):
            later = now + random.exponential(1 / rate)
            if later > age:
                break
            now, x = later, x + 1
        rows.append((x, now, age))
    return pl.DataFrame(rows, schema=["frequency", "recency", "T"], orient="row")


@pytest.mark.parametrize("stops_at_once", [False, True])
def test_parameters_are_found_again(*, stops_at_once: bool) -> None:
    fit = fit_mbgnbd if stops_at_once else fit_bgnbd
    fitted = fit(draw_summary(customers=8000, stops_at_once=stops_at_once, seed=5))
    assert fitted.converged
    assert (fitted.r, fitted.alpha) == pytest.approx((0.8, 6.0), rel=0.12)
    assert fitted.a / (fitted.a + fitted.b) == pytest.approx(0.9 / 3.9, rel=0.12)


def test_spend_parameters_are_found_again() -> None:
    random = np.random.default_rng(2)
    x = random.integers(1, 12, 20_000)
    rate = random.gamma(3.5, 1 / 15, 20_000)
    mean = random.gamma(5 * x, 1 / (x * rate))
    fitted = fit_gamma_gamma(pl.DataFrame({"frequency": x, "monetary_value": mean}))
    assert (fitted.p, fitted.q, fitted.gamma) == pytest.approx((5, 3.5, 15), rel=0.06)


def draw_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purchases_module, "GROUPS", 100)
    monkeypatch.setattr(gamma_gamma_module, "CELLS", 100)


def test_cells_of_like_customers_hardly_move_the_parameters(
    cdnow: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = fit_bgnbd(cdnow), fit_mbgnbd(cdnow), fit_gamma_gamma(cdnow)
    draw_together(monkeypatch)
    rough = fit_bgnbd(cdnow), fit_mbgnbd(cdnow), fit_gamma_gamma(cdnow)
    for one, other in zip(exact[:2], rough[:2], strict=True):
        assert (other.r, other.alpha, other.a) == pytest.approx((one.r, one.alpha, one.a), rel=0.02)
        assert (one.r, one.alpha) != (other.r, other.alpha)
    assert rough[2].p == pytest.approx(exact[2].p, rel=0.02)


# What the models say -------------------------------------------------------------------------

X = np.array([0.0, 0, 1, 2, 7, 30])
RECENCY = np.array([0.0, 0, 3, 30, 12, 38])
AGE = np.array([38.86, 2, 30, 38, 38, 38.86])
PAIRS = Pairs.of(X, AGE)


@pytest.mark.parametrize("stops_at_once", [False, True])
@pytest.mark.parametrize("a", [0.79289, 1.0, 2.5])
def test_expected_purchases_are_the_papers_formula(a: float, *, stops_at_once: bool) -> None:
    r, alpha, b, ahead = 0.24259, 4.41353, 2.42575, 39.0
    told = model(r, alpha, a, b, stops_at_once=stops_at_once)
    a = a + 1e-7 * (a == 1.0)
    top = a + b + X + stops_at_once - 1
    share = (alpha + AGE) / (alpha + AGE + ahead)
    series = hyp2f1(r + X, b + X + stops_at_once, top, ahead / (alpha + AGE + ahead))
    formula = top / (a - 1) * (1 - share ** (r + X) * series) * told.p_alive(X, RECENCY, AGE)
    found = told.expected_purchases(PAIRS, RECENCY, ahead)
    assert found == pytest.approx(formula, rel=1e-5)


def test_expected_purchases_stay_finite_where_nobody_stops() -> None:
    """They are then the mean rate times the time ahead. The papers' formula overflows there."""
    told = model(0.8, 5.0, 1.0, 9000.0, stops_at_once=False)
    expected = (0.8 + X) / (5.0 + AGE) * 30 * told.p_alive(X, RECENCY, AGE)
    assert told.expected_purchases(PAIRS, RECENCY, 30.0) == pytest.approx(expected, rel=0.01)


def test_active_is_less_than_alive_and_less_than_expected() -> None:
    told = model(0.24259, 4.41353, 0.79289, 2.42575, stops_at_once=False)
    active = told.p_active(X, RECENCY, AGE, 39.0)
    assert (active < told.p_alive(X, RECENCY, AGE)).all()
    assert (active < told.expected_purchases(PAIRS, RECENCY, 39.0)).all()
    assert told.p_active(X, RECENCY, AGE, 1e9) == pytest.approx(
        told.p_alive(X, RECENCY, AGE), abs=0.02
    )


def test_bgnbd_holds_every_one_time_buyer_for_alive(cdnow: pl.DataFrame) -> None:
    """P(alive) is therefore no churn score: after years of silence it is 1, for a regular less."""
    told = fit_bgnbd(cdnow)
    silent, regular = told.p_alive(np.array([0.0, 10]), np.array([0.0, 37]), np.array([500.0, 38]))
    assert silent == 1.0 > regular
    active = told.p_active(np.array([0.0, 10]), np.array([0.0, 37]), np.array([500.0, 38]), 39.0)
    assert active[0] < 0.05
    assert active[1] > 0.9


def test_the_expected_purchase_lies_between_the_customers_mean_and_everybodys(
    cdnow: pl.DataFrame,
) -> None:
    fitted = fit_gamma_gamma(cdnow)
    everybody = fitted.p * fitted.gamma / (fitted.q - 1)
    new, once, often = fitted.expected_value(np.array([0.0, 1, 50]), np.full(3, 100.0))
    assert new == pytest.approx(everybody)
    assert everybody < once < often < 100


# Where there is nothing to fit ---------------------------------------------------------------

SILENT = pl.DataFrame({"frequency": [0, 0], "recency": [0.0, 0], "T": [3.0, 9]})


@pytest.mark.parametrize("fit", [fit_bgnbd, fit_mbgnbd])
@pytest.mark.parametrize("summary", [SILENT, SILENT.clear(), SILENT.with_columns(T=0.0)])
def test_a_fit_without_repeated_purchases_does_not_converge(
    fit: Callable[[pl.DataFrame], PurchaseModel], summary: pl.DataFrame
) -> None:
    assert not fit(summary).converged


@pytest.mark.parametrize(
    "values", [[], [5.0, 5.0], [0.0, -3.0]], ids=["none", "constant", "none above zero"]
)
def test_a_fit_of_equal_spends_does_not_converge(values: list[float]) -> None:
    summary = pl.DataFrame(
        {"frequency": [1] * len(values), "monetary_value": values},
        schema={"frequency": pl.Int64, "monetary_value": pl.Float64},
    )
    assert not fit_gamma_gamma(summary).converged
