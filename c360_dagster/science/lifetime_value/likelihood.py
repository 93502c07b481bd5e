"""Maximum likelihood over positive parameters, with analytic gradients.

The likelihoods themselves are in purchases.py and gamma_gamma.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from c360_dagster.science.arrays import Floats

Likelihood: TypeAlias = Callable[[Floats], tuple[float, Floats]]
"""Takes the parameters; returns their log-likelihood and its gradient."""

FARTHEST = float(np.log(1e4))
"""The bound on a parameter's logarithm. Beyond it the likelihood is flat, so the bound is as good a
model."""


def dot(first: Floats, second: Floats) -> float:
    """Sums in the same order every time and on one core, so that the bits do not depend on how many
    cores there are."""
    return float(np.einsum("i,i->", first, second))


@dataclass(frozen=True)
class Maximum:
    parameters: tuple[float, ...]
    log_likelihood: float
    converged: bool


def maximise(likelihood: Likelihood, start: Floats, rows: float) -> Maximum:
    """Searches over logarithms, which keeps every parameter above zero."""
    from scipy.optimize import minimize  # noqa: PLC0415 (half a second to import)

    def loss(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, slope = likelihood(parameters)
        return -value / rows, -slope * parameters / rows

    with np.errstate(all="ignore"):
        found = minimize(
            loss,
            np.log(start),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-FARTHEST, FARTHEST)] * len(start),
            options={"maxiter": 500, "maxcor": 20, "ftol": 1e-13, "gtol": 1e-7},
        )
    logs = np.asarray(found.x, dtype=np.float64)
    held = np.clip(logs - found.jac, -FARTHEST, FARTHEST) - logs
    return Maximum(
        parameters=tuple(float(value) for value in np.exp(logs)),
        log_likelihood=float(-found.fun * rows),
        converged=bool(np.isfinite(found.fun)) and float(np.abs(held).max()) < 1e-4,
    )
