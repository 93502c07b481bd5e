"""Mixes several forecasts into one, with no negative shares.

The shares are those that did best in the rehearsal, by absolute and squared errors together.
"""

from dataclasses import dataclass

import numpy as np

from c360_dagster.science.arrays import Bools, Floats
from c360_dagster.science.lifetime_value.likelihood import dot

ROUNDS = 25
ROWS = 60_000
"""More customers than this are judged by the greatest third of that and each nth of the rest."""
RIDGE, RIDGE_ROWS = 0.1, 100
"""How strongly shares are held to what was thought before: more so among few customers."""
BELIEF = {"mbgnbd": 0.4, "bgnbd": 0.4, "last_period": 0.2, "mean_rate": 0.1}
"""What each candidate is trusted with before the rehearsal, after its own level is put right."""
GIANT, GIANT_ROWS = 0.03, 100
"""Who makes more than this of a total says nothing of the level, where so many others do."""
NAIVE = ("last_period", "mean_rate")
DOUBT = 0.2
"""By how much the mix must do worse at the rehearsal to be left for a naive forecast."""
FEW = 20
"""Customers who came back at the rehearsal: with as many, half of what it says is believed."""


@dataclass(frozen=True)
class Mix:
    names: tuple[str, ...]
    shares: Floats
    level: float
    """The total against the models' own."""
    fitted: Floats
    """At the rehearsal, with its total put right."""

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
    """Shares say who is expected to buy more than whom; the level is settled apart from them.

    It is the models', moved towards what the rehearsal came to as far as that is trusted. Where a
    naive forecast was the better one, most is left to that, at its own level.
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
    naive, part = _lean(names, values, fitted, actual)
    left = part * season * (np.arange(len(names)) == naive)
    return Mix(
        names,
        shares * ((1 - part) * expected / reached * level) + left,
        level,
        (1 - part) * fitted + part * values[:, naive],
    )


def _lean(
    names: tuple[str, ...], values: Floats, fitted: Floats, actual: Floats
) -> tuple[int, float]:
    """The better naive forecast, and how much of it makes the greater of the two errors least."""
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
    """What happened against what was expected, without those who alone make a good part of it."""
    ordinary = np.maximum(expected / expected.sum(), actual / max(actual.sum(), 1e-9)) <= GIANT
    if int(ordinary.sum()) < GIANT_ROWS:
        ordinary[:] = True
    level = max(float(actual[ordinary].sum()), 0.0) / max(float(expected[ordinary].sum()), 1e-9)
    return float(np.clip(level, 0.1, 10.0))


def fit_shares(names: tuple[str, ...], values: Floats, actual: Floats) -> Floats:
    """Minimises MAE and RMSE, each divided by the best naive candidate's; both are convex.

    Each round solves the least squares that touch the loss from above (majorise, minimise), so
    that a mean forecast and a median forecast meet where neither measure is given away.
    """
    from scipy.optimize import nnls  # noqa: PLC0415 (see maximise)

    values, actual, weight = _choose_rows(values, actual)
    belief = _believe(names, values, actual, weight)
    if not values.any() or not actual.any():
        return belief
    best_mae, best_rmse = _judge_naive(names, values, actual, weight)
    total, shares = weight.sum(), belief
    ridge = RIDGE + RIDGE_ROWS / total
    for _ in range(ROUNDS):
        error = actual - combine(values, shares)
        rmse = max(float(np.sqrt(dot(weight, error**2) / total)), 1e-3 * best_rmse)
        bend = 1 / (best_mae * np.maximum(np.abs(error), 1e-3 * best_mae)) + 1 / (best_rmse * rmse)
        weighted = values * (weight * bend)[:, None]
        gram = np.einsum("ij,ik->jk", weighted, values)
        moment = np.einsum("ij,i->j", weighted, actual)
        hold = np.diag(np.diag(gram) * ridge + 1e-12 * np.trace(gram))
        root = np.linalg.cholesky(gram + hold)
        shares = nnls(root.T, np.linalg.solve(root, moment + hold @ belief))[0]
    return shares


def _believe(names: tuple[str, ...], values: Floats, actual: Floats, weight: Floats) -> Floats:
    """Where no model is left, half a customer is added who goes on as the naive forecasts say.

    That nobody of a few came back within days is no reason to expect nobody within a year.
    """
    belief = np.array([BELIEF[name] for name in names])
    totals = np.einsum("i,ij->j", weight, values)
    more = np.zeros(len(names))
    if not are_models(names).any():
        belief = np.full(len(names), 0.5)
        more = 0.5 * totals / max(float(weight.sum()), 1.0)
    level = (max(dot(weight, actual), 0.0) + more) / np.maximum(totals + more, 1e-9)
    return np.where(totals > 0, belief / belief.sum() * np.minimum(level, 10.0), 0.0)


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
    """The greatest decide squared errors, so all of those stay."""
    if len(actual) <= ROWS:
        return values, actual, np.ones(len(actual))
    order = np.argsort(-values.sum(axis=1), kind="stable")
    great, rest = order[: ROWS // 3], order[ROWS // 3 :]
    step = -(-len(rest) // (ROWS - ROWS // 3))
    rows = np.concatenate([great, rest[::step]])
    weight = np.ones(len(rows))
    weight[len(great) :] = len(rest) / (len(rows) - len(great))
    return values[rows], actual[rows], weight
