"""What is learnt from trying the forecast as of an earlier day, whose future is known by now.

That is: shares and level of the mix, traits, season, intervals and the calibration of p_active.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from c360_dagster.science.arrays import Floats
from c360_dagster.science.lifetime_value.activity import fit_calibration, read_signs
from c360_dagster.science.lifetime_value.candidates import (
    WEEK,
    Candidates,
    Models,
    Span,
    fit_models,
    forecast_each,
    read_known,
)
from c360_dagster.science.lifetime_value.features import YEAR, Rehearsal
from c360_dagster.science.lifetime_value.intervals import Outlook, Spread, fit_spread
from c360_dagster.science.lifetime_value.likelihood import dot
from c360_dagster.science.lifetime_value.purchases import Pairs, PurchaseModel
from c360_dagster.science.lifetime_value.stack import FEW, Mix, fit_mix
from c360_dagster.science.lifetime_value.traits import fit_traits

NO_SEASON = (
    "The orders reach back {days} days, and a season can be learnt only from 394 days on: the "
    "time ahead is taken to be like the time behind, so a coming Christmas is not foreseen."
)


@dataclass(frozen=True)
class Learnt:
    models: Models
    spend: Mix
    orders: Mix
    season: float
    spread: Spread | None
    outlook: Outlook
    notes: tuple[str, ...]


def rehearse(buyers: pl.DataFrame, plan: Rehearsal, earlier: Models | None = None) -> Learnt:
    """`earlier` has the models as of the cutoff, if they have been fitted already."""
    past = buyers.filter(pl.col("past_frequency").is_not_null())
    now, then = read_known(buyers), read_known(past, "past_")
    models, earlier = fit_models(now), earlier or fit_models(then)
    names = [
        name
        for name in models.purchases
        if models.purchases[name].converged and earlier.purchases[name].converged
    ]
    window, history = plan.window_days, plan.known_days
    today = forecast_each(now, models, names, Span(plan.horizon_days, window, history))
    tried = forecast_each(then, earlier, names, Span(window, window, max(history - window, 1)))
    spent, ordered = (
        past[f"past_{name}_after"].cast(pl.Float64).fill_null(0.0).to_numpy()
        for name in ("spend", "purchases")
    )
    returned = (ordered > 0).astype(np.float64)
    active_then, active_now = _find_active(tried, today, ordered)
    calibration = fit_calibration(read_signs(then, active_then), returned)
    p_then = calibration.apply(read_signs(then, active_then))
    tried = tried.scale_one_time_buyers(then, p_then)
    today = today.scale_one_time_buyers(now, calibration.apply(read_signs(now, active_now)))
    if names:
        traits = fit_traits(then, tried.orders[:, tried.of_models].mean(axis=1), ordered)
        tried, today = tried.weigh(traits.weigh(then)), today.weigh(traits.weigh(now))
    season = measure_season(buyers, plan, models.purchases[names[0]]) if names else 1.0
    trust = _trust_level(plan) * returned.sum() / (returned.sum() + FEW)
    orders = fit_mix(tried.names, tried.orders, ordered, trust, season)
    spend = fit_mix(tried.names, tried.spend, spent, trust, season)
    p_now = calibration.apply(read_signs(now, 1 - (1 - active_now) ** season))
    spread = fit_spread(Outlook(spend.fitted, orders.fitted, p_then), spent)
    outlook = Outlook(spend.predict(today.spend), orders.predict(today.orders), p_now)
    notes = _note(models, names, spread, plan)
    return Learnt(models, spend, orders, season, spread, outlook, notes)


def _find_active(tried: Candidates, today: Candidates, ordered: Floats) -> tuple[Floats, Floats]:
    """Returns the probability of buying at all, as of the cutoff and of today. Without a model, it
    is the chance of at least one order if the expected number comes at random."""
    if tried.p_active is not None and today.p_active is not None:
        return tried.p_active, today.p_active
    orders = fit_mix(tried.names, tried.orders, ordered, trust=0.0, season=1.0)
    then, now = (-np.expm1(-orders.predict(each.orders)) for each in (tried, today))
    return then, now


def measure_season(buyers: pl.DataFrame, plan: Rehearsal, model: PurchaseModel) -> float:
    """Returns how many times as much is bought in the time ahead as in the rehearsal's window,
    because of the season alone; 1 if no whole year is known.

    The time ahead is measured a year earlier: the purchases of those who were customers then,
    compared with what the model expects of them. The rehearsal's window is measured in two ways:
    among the same customers, who have grown old by then, and among the customers as of the cutoff,
    who are others. Each way has its fault, so only what both agree on counts.
    """
    rows = buyers.filter(pl.col("year_ago_frequency").is_not_null())
    is_short = min(plan.horizon_days, plan.window_days) < YEAR
    if not (plan.sees_a_season and is_short) or rows.is_empty():
        return 1.0
    expect = _expect_from(rows, "year_ago_", model)
    year = float((rows["frequency"] - rows["year_ago_frequency"]).sum())
    ahead = same = _compare(year, expect(YEAR))
    if plan.horizon_days < YEAR:
        bought = float(rows["year_ago_purchases_after"].sum())
        ahead = _compare(bought, expect(plan.horizon_days))
    if plan.window_days < YEAR:
        bought = float(rows["purchases_last"].sum())
        same = _compare(bought, expect(YEAR) - expect(YEAR - plan.window_days))
    past = buyers.filter(pl.col("past_frequency").is_not_null())
    bought = float(past["past_purchases_after"].sum())
    others = _compare(bought, _expect_from(past, "past_", model)(plan.window_days))
    first, second = np.log(ahead / same), np.log(ahead / others)
    agreed = np.sign(first) * min(abs(first), abs(second)) if first * second > 0 else 0.0
    return float(np.exp(np.clip(agreed, -1.0, 1.0)))


def _expect_from(rows: pl.DataFrame, prefix: str, model: PurchaseModel) -> Callable[[int], float]:
    """Returns a function that says how many purchases the model expects of all these customers
    within a number of days after the prefix's day."""
    x, recency, age = (
        rows[prefix + name].cast(pl.Float64).to_numpy() / per
        for name, per in (("frequency", 1), ("recency_days", WEEK), ("age_days", WEEK))
    )
    pairs, alive = Pairs.of(x, age), model.p_alive(x, recency, age)
    return lambda days: dot(model.expected_if_alive(pairs, days / WEEK), alive) if days else 0.0


def _compare(bought: float, expected: float) -> float:
    """Returns bought / expected, with twenty added to both, because few purchases hardly show a
    season."""
    return (bought + FEW) / (expected + FEW)


def _trust_level(plan: Rehearsal) -> float:
    """Returns how far the rehearsal's total may move the models' own.

    Not at all until a year is known, because what the rehearsal saw may have been its season. After
    that not wholly, because the orders before it have a season too, which models that know no
    seasons carry on.
    """
    return 0.75 if plan.knows_a_year else 0.0


def _note(
    models: Models, names: list[str], spread: Spread | None, plan: Rehearsal
) -> tuple[str, ...]:
    notes = [
        f"{name} does not converge on these orders and has no part in the forecast."
        for name in models.purchases
        if name not in names
    ]
    if not names:
        notes.append(
            "No model is left: the forecast is a mix of the naive ones, and churn_risk is the "
            "probability that none of the orders it expects is made."
        )
    if not models.spend.converged:
        notes.append(
            "Gamma-Gamma does not converge: each buyer's purchases are valued at their own mean."
        )
    if spread is None:
        notes.append("Too few customers to learn intervals from: they are assumed, not measured.")
    if not plan.is_full:
        notes.append(
            f"The orders reach back {plan.known_days} days, too few to rehearse "
            f"{plan.horizon_days} days: {plan.window_days} were rehearsed."
        )
    if not plan.sees_a_season:
        notes.append(NO_SEASON.format(days=plan.known_days))
    return tuple(notes)
