"""The inputs of the regressions on the rehearsal: a sample of customers, standardised."""

from dataclasses import dataclass

import numpy as np

from c360_dagster.science.arrays import Floats

ROWS = 100_000
"""More customers than this teach nothing new, so each nth is enough."""


def thin(customers: int) -> slice:
    return slice(None, None, max(-(-customers // ROWS), 1))


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each sign among the customers of the rehearsal."""

    centre: Floats
    deviation: Floats

    @classmethod
    def of(cls, signs: Floats) -> "Scale":
        return cls(signs.mean(axis=0), np.maximum(signs.std(axis=0), 1e-3))

    @classmethod
    def unknown(cls, signs: int) -> "Scale":
        return cls(np.zeros(signs), np.ones(signs))

    def apply(self, signs: Floats, reach: float) -> Floats:
        """Returns signs in standard deviations, cut off at the reach: it is not known what a sign
        means beyond it."""
        return np.clip((signs - self.centre) / self.deviation, -reach, reach)
