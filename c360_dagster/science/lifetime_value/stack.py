"""Mixes several forecasts into one, with no negative shares.

The shares are those that did best in the rehearsal, by absolute and squared errors together.
"""

from dataclasses import dataclass

import numpy as np

from c360_dagster.science.arrays import Bools, Floats
from c360_dagster.science.lifetime_value.likelihood import dot

ROUNDS = 25
ROWS = 60_000
"""If there are more customers than this, shares are fitted on at most so many of them: a third are
those with the greatest forecasts, the others are each nth of the rest."""
RIDGE, RIDGE_ROWS = 0.1, 100
"""How strongly shares are held to PRIOR_SHARES, those from before the rehearsal: RIDGE plus
RIDGE_ROWS / customers, so more strongly if there are few."""
PRIOR_SHARES = {"mbgnbd": 0.4, "bgnbd": 0.4, "last_period": 0.2, "mean_rate": 0.1}
"""How much each candidate is trusted before the rehearsal, after its own level is corrected."""
GIANT, GIANT_ROWS = 0.03, 100
"""Customers who make up more than GIANT of a total do not count for the level, if at least
GIANT_ROWS others do."""
NAIVE = ("last_period", "mean_rate")
DOUBT = 0.2
"""The mix gives way to a naive forecast only if its error at the rehearsal is higher by more than
this (as a multiple of the best naive error)."""
FEW = 20
"""If only this many customers came back at the rehearsal, half of what it says is believed."""


@dataclass(frozen=True)
class Mix:
    names: tuple[str, ...]
    shares: Floats
    level: float
    """The total relative to the models' own."""
    fitted: Floats
    """The mix at the rehearsal, with its total corrected to what came."""

    def predict(self, values: Floats) -> Floats:
        return combine(values, self.shares)


def combine(values: Floats, shares: Floats) -> Floats:
    mixed: Floats = np.einsum("ij,j->i", values, shares)
    return mixed


def are_models(names: tuple[str, ...]) -> Bools:
    return np.array([name not in NAIVE for name in names])


def fit_mix(
    names: tuple[str, ...], values: Floats, actual: Floats, trust: float, season: float
) -> Mix:
    """Mixes the forecasts. The shares decide who is expected to buy more than whom; the level of
    the total is decided separately.

    The level is the models', moved towards the rehearsal's as far as that is trusted. If a naive
    forecast did better, most of the result is that forecast, at its own level.
    """
    shares, totals = fit_shares(names, values, actual), values.sum(axis=0)
    models = are_models(names)
    total = max(float(actual.sum()), 0.0)
    if models.any() and not dot(shares, totals) > 0:
        shares = models / models.sum()
    mixed = combine(values, shares)
    reached = float(mixed.sum())
    fitted = mixed * (total / reached if reached > 0 else 0.0)
    if not models.any() or reached <= 0:
        return Mix(names, shares * season, season, fitted)
    expected = float(totals[models].mean())
    level = _find_level(values[:, models].mean(axis=1), actual) ** trust * season
    naive, part = _find_naive_part(names, values, fitted, actual)
    left = part * season * (np.arange(len(names)) == naive)
    return Mix(
        names,
        shares * ((1 - part) * expected / reached * level) + left,
        level,
        (1 - part) * fitted + part * values[:, naive],
    )


def _find_naive_part(
    names: tuple[str, ...], values: Floats, fitted: Floats, actual: Floats
) -> tuple[int, float]:
    """Returns the better naive forecast, and the part of it in the mix for which the greater of the
    two errors (MAE and RMSE) is least."""
    if not actual.any():
        return names.index(NAIVE[0]), 0.0
    one = np.ones(len(actual))
    best_mae, best_rmse = _judge_naive(names, values, actual, one)

    def judge(forecast: Floats) -> float:
        error = actual - forecast
        mae, mse = np.abs(error).mean(), dot(error, error) / len(error)
        return max(float(mae) / best_mae, float(np.sqrt(mse)) / best_rmse)

    naive = min((names.index(name) for name in NAIVE), key=lambda n: judge(values[:, n]))
    parts = np.linspace(0.0, 1.0, 21)
    mixes = ((1 - part) * fitted + part * values[:, naive] for part in parts)
    lost = [judge(mix) + DOUBT * part for mix, part in zip(mixes, parts, strict=True)]
    came_back = int((actual > 0).sum())
    return naive, float(parts[int(np.argmin(np.round(lost, 9)))]) * came_back / (came_back + FEW)


def _find_level(expected: Floats, actual: Floats) -> float:
    """Returns what happened / what was expected, without customers who alone make up a large part
    of either."""
    ordinary = np.maximum(expected / expected.sum(), actual / max(actual.sum(), 1e-9)) <= GIANT
    if int(ordinary.sum()) < GIANT_ROWS:
        ordinary[:] = True
    level = max(float(actual[ordinary].sum()), 0.0) / max(float(expected[ordinary].sum()), 1e-9)
    return float(np.clip(level, 0.1, 10.0))


def fit_shares(names: tuple[str, ...], values: Floats, actual: Floats) -> Floats:
    """Minimises MAE and RMSE, each divided by the best naive candidate's; both are convex.

    Each round solves a least squares problem that touches the loss from above (majorise,
    minimise). The result lies between a mean and a median forecast and sacrifices neither measure.
    """
    from scipy.optimize import nnls  # noqa: PLC0415 (see maximise)

    values, actual, weight = _choose_rows(values, actual)
    prior = _find_prior_shares(names, values, actual, weight)
    if not values.any() or not actual.any():
        return prior
    best_mae, best_rmse = _judge_naive(names, values, actual, weight)
    total, shares = weight.sum(), prior
    ridge = RIDGE + RIDGE_ROWS / total
    for _ in range(ROUNDS):
        error = actual - combine(values, shares)
        rmse = max(float(np.sqrt(dot(weight, error**2) / total)), 1e-3 * best_rmse)
        curvature = 1 / (best_mae * np.maximum(np.abs(error), 1e-3 * best_mae)) + 1 / (
            best_rmse * rmse
        )
        weighted = values * (weight * curvature)[:, None]
        gram = np.einsum("ij,ik->jk", weighted, values)
        moment = np.einsum("ij,i->j", weighted, actual)
        hold = np.diag(np.diag(gram) * ridge + 1e-12 * np.trace(gram))
        root = np.linalg.cholesky(gram + hold)
        shares = nnls(root.T, np.linalg.solve(root, moment + hold @ prior))[0]
    return shares


def _find_prior_shares(
    names: tuple[str, ...], values: Floats, actual: Floats, weight: Floats
) -> Floats:
    """Returns the shares believed in before the rehearsal. If no model is left, half a customer is
    added who goes on as the naive forecasts say.

    If none of a few customers came back within days, that is no reason to expect none within a
    year.
    """
    prior = np.array([PRIOR_SHARES[name] for name in names])
    totals = np.einsum("i,ij->j", weight, values)
    more = np.zeros(len(names))
    if not are_models(names).any():
        prior = np.full(len(names), 0.5)
        more = 0.5 * totals / max(float(weight.sum()), 1.0)
    level = (max(dot(weight, actual), 0.0) + more) / np.maximum(totals + more, 1e-9)
    return np.where(totals > 0, prior / prior.sum() * np.minimum(level, 10.0), 0.0)


def _judge_naive(
    names: tuple[str, ...], values: Floats, actual: Floats, weight: Floats
) -> tuple[float, float]:
    errors = [actual - values[:, names.index(name)] for name in NAIVE]
    total = float(weight.sum())
    mae = min(dot(weight, np.abs(error)) / total for error in errors)
    rmse = min(np.sqrt(dot(weight, error**2) / total) for error in errors)
    size = dot(weight, np.abs(actual)) / total
    return max(mae, 1e-6 * size), max(float(rmse), 1e-6 * size)


def _choose_rows(values: Floats, actual: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns a sample of the customers and its weights. The greatest forecasts decide the squared
    errors, so all of them stay."""
    if len(actual) <= ROWS:
        return values, actual, np.ones(len(actual))
    order = np.argsort(-values.sum(axis=1), kind="stable")
    great, rest = order[: ROWS // 3], order[ROWS // 3 :]
    step = -(-len(rest) // (ROWS - ROWS // 3))
    rows = np.concatenate([great, rest[::step]])
    weight = np.ones(len(rows))
    weight[len(great) :] = len(rest) / (len(rows) - len(great))
    return values[rows], actual[rows], weight
