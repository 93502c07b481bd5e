"""Corrects whom the models expect too much or too little of, by what the rehearsal showed.

BG/NBD and Gamma-Gamma assume that rate, spend and dropout are independent. Where those who spend
most leave soonest, they expect too much of newcomers, most of all of those who spend most.
"""

from dataclasses import dataclass

import numpy as np

from c360_dagster.science.arrays import Floats
from c360_dagster.science.lifetime_value.candidates import Known
from c360_dagster.science.lifetime_value.likelihood import dot, maximise
from c360_dagster.science.lifetime_value.signs import Scale, thin
from c360_dagster.science.lifetime_value.stack import combine

PRIOR = 20.0
"""The strength, in orders, with which it is held that no trait matters."""
LUCK = 6.0
"""Twice the log-likelihood that two traits gain by luck alone, one time in twenty."""
REACH = 2.0
"""No trait counts farther than so many standard deviations from the rehearsal's mean."""


@dataclass(frozen=True)
class Traits:
    """A customer's weight = exp(coefficients · traits), the traits in standard deviations."""

    coefficients: Floats
    scale: Scale

    def weigh(self, known: Known) -> Floats:
        """How many times as much is to be expected of each, but for a factor common to all."""
        traits = self.scale.apply(_read_traits(known), REACH)
        weight: Floats = np.exp(combine(traits, self.coefficients))
        return weight


def fit_traits(known: Known, expected: Floats, ordered: Floats) -> Traits:
    """Who made the orders that came, against whom they were expected of: a multinomial model.

    How many came is left out of it, for that may have been the rehearsal's season. What luck
    would have shown, too, is taken off: with no more than that, all weigh the same.
    """
    some = thin(len(expected))
    traits, expected, ordered = _read_traits(known)[some], expected[some], ordered[some]
    none = np.zeros(traits.shape[1])
    if not dot(expected, ordered) > 0:
        return Traits(none, Scale.unknown(len(none)))
    scale = Scale.of(traits)
    design, came = scale.apply(traits, REACH), float(ordered.sum())

    def likelihood(weights: Floats) -> tuple[float, Floats]:
        coefficients = np.log(weights)
        score, held = combine(design, coefficients), PRIOR * coefficients
        told = expected * np.exp(score)
        total = float(told.sum())
        slope = np.einsum("ij,i->j", design, ordered - told * (came / total)) - held
        value = dot(ordered, score) - came * np.log(total) - dot(held, coefficients) / 2
        return value, slope / weights

    found = maximise(likelihood, none + 1, len(design))
    gained = 2 * (found.log_likelihood - likelihood(none + 1)[0])
    missed = ordered - expected * (came / float(expected.sum()))
    luck = LUCK * max(dot(missed, missed) / came, 1.0)
    trust = 1 - luck / gained if gained > luck else 0.0
    return Traits(np.log(np.array(found.parameters)) * trust, scale)


def _read_traits(known: Known) -> Floats:
    """What she spends an order, and for how long she is known."""
    return np.log1p(np.stack([known.value, known.age], axis=1))
