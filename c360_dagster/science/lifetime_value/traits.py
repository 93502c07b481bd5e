"""Corrects the models for customers of whom they expected too much or too little at the rehearsal.

BG/NBD and Gamma-Gamma assume that rate, spend and dropout are independent. If those who spend most
leave soonest, the models expect too much of newcomers, above all of those who spend most.
"""

from dataclasses import dataclass

import numpy as np

from c360_dagster.science.arrays import Floats
from c360_dagster.science.lifetime_value.candidates import Known
from c360_dagster.science.lifetime_value.likelihood import dot, maximise
from c360_dagster.science.lifetime_value.signs import Scale, thin
from c360_dagster.science.lifetime_value.stack import combine

PRIOR = 20.0
"""The strength, in orders, of the belief that no trait matters."""
LUCK = 6.0
"""Twice the log-likelihood that two traits gain by luck alone, one time in twenty."""
REACH = 2.0
"""Traits are cut off at this many standard deviations from the rehearsal's mean."""


@dataclass(frozen=True)
class Traits:
    """A customer's weight = exp(coefficients · traits), the traits in standard deviations."""

    coefficients: Floats
    scale: Scale

    def weigh(self, known: Known) -> Floats:
        """Returns how many times as much to expect of each, up to a factor common to all."""
        traits = self.scale.apply(_read_traits(known), REACH)
        weight: Floats = np.exp(combine(traits, self.coefficients))
        return weight


def fit_traits(known: Known, expected: Floats, ordered: Floats) -> Traits:
    """Fits a multinomial model of who made the orders, compared with who was expected to.

    The model leaves out how many orders came, because the rehearsal's season may have decided that.
    The part of the gain that luck alone would bring is taken off; if nothing is left, all customers
    weigh the same.
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
        predicted = expected * np.exp(score)
        total = float(predicted.sum())
        slope = np.einsum("ij,i->j", design, ordered - predicted * (came / total)) - held
        value = dot(ordered, score) - came * np.log(total) - dot(held, coefficients) / 2
        return value, slope / weights

    found = maximise(likelihood, none + 1, len(design))
    gained = 2 * (found.log_likelihood - likelihood(none + 1)[0])
    missed = ordered - expected * (came / float(expected.sum()))
    luck = LUCK * max(dot(missed, missed) / came, 1.0)
    trust = 1 - luck / gained if gained > luck else 0.0
    return Traits(np.log(np.array(found.parameters)) * trust, scale)


def _read_traits(known: Known) -> Floats:
    """Returns the logarithms of what a customer spends per purchase day, and of how long they have
    been known."""
    return np.log1p(np.stack([known.value, known.age], axis=1))
