"""Whether a customer buys at all within the horizon: the models' probability, calibrated.

A logistic regression on the rehearsal calibrates it, because BG/NBD's own P(alive) is 1 for every
one-time buyer and ranks them backwards. It also corrects the purchases expected of one-time buyers.
"""

from dataclasses import dataclass

import numpy as np

from c360_dagster.science.arrays import Floats
from c360_dagster.science.lifetime_value.candidates import Known
from c360_dagster.science.lifetime_value.likelihood import dot
from c360_dagster.science.lifetime_value.signs import Scale, thin
from c360_dagster.science.lifetime_value.stack import combine

PRIOR = 4.0
"""How strongly coefficients are held to the models' own probability, in customers."""
REACH = 4.0
"""Signs are cut off at this many standard deviations, because the rehearsal has hardly seen any
beyond."""


@dataclass(frozen=True)
class Calibration:
    """P = logistic(coefficients · (1, log odds, other signs)); the other signs are in standard
    deviations from their means."""

    coefficients: Floats
    scale: Scale

    def apply(self, signs: Floats) -> Floats:
        others = self.scale.apply(signs[:, 1:], REACH)
        score = combine(_design(signs[:, :1], others), self.coefficients)
        return 1 / (1 + np.exp(-score))


def read_signs(known: Known, probability: Floats) -> Floats:
    """Returns the models' log odds, the silence, the silence in units of the customer's usual gap
    between purchases, the number of purchases, and whether there was only one."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    frequency, silence = known.frequency, known.age - known.recency
    usual = known.recency / np.maximum(frequency, 1)
    return np.stack(
        [
            np.log(p / (1 - p)),
            np.log1p(silence),
            np.where(frequency > 0, np.log((silence + 1) / (usual + 1)), 0.0),
            np.log1p(frequency),
            np.where(frequency > 0, 0.0, 1.0),
        ],
        axis=1,
    )


def fit_calibration(signs: Floats, returned: Floats) -> Calibration:
    """Fits by Newton's method. With little to learn from, the models' probability stays as it is.

    A step is halved until it lowers the loss. If the models were sure and wrong (because the shop
    was closed for a year, for example), whole steps would lead farther and farther away.
    """
    others = signs.shape[1] - 1
    believed = np.array([0.0, 1.0, *np.zeros(others)])
    if not len(signs):
        return Calibration(believed, Scale.unknown(others))
    signs, returned = signs[thin(len(signs))], returned[thin(len(returned))]
    scale = Scale.of(signs[:, 1:])
    design = _design(signs[:, :1], scale.apply(signs[:, 1:], np.inf))

    def find_loss(coefficients: Floats) -> float:
        score, moved = combine(design, coefficients), coefficients - believed
        return (
            float(np.logaddexp(0.0, score).sum())
            - dot(returned, score)
            + PRIOR / 2 * dot(moved, moved)
        )

    coefficients = believed.copy()
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(combine(design, coefficients), -30, 30)))
        slope = np.einsum("ij,i->j", design, returned - p) - PRIOR * (coefficients - believed)
        hessian = np.einsum("ij,ik->jk", design * (p * (1 - p))[:, None], design)
        hessian += PRIOR * np.eye(len(believed))
        change = np.linalg.solve(hessian, slope)
        loss = find_loss(coefficients) * (1 + 1e-9)
        while find_loss(coefficients + change) > loss and float(np.abs(change).max()) >= 1e-10:
            change = change / 2
        coefficients = coefficients + change
        if float(np.abs(change).max()) < 1e-10:
            break
    return Calibration(coefficients, scale)


def _design(odds: Floats, others: Floats) -> Floats:
    return np.concatenate([np.ones((len(odds), 1)), odds, others], axis=1)
