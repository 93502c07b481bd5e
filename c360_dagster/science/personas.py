"""The five personas: the features that tell them apart, how each looks, which cluster is which.

A cluster's name follows from what its customers are like, never from the number that it was given.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from c360_dagster.science.arrays import Floats

PERSONAS = (
    "Engaged Regulars",
    "Transitional Shoppers",
    "Premium but At-Risk",
    "Occasional Premiums",
    "Price-Sensitive Shoppers",
)
NO_PURCHASE = "No purchase yet"

PERSONA_FEATURES = {
    "avg_order_value": "spend (before tax, after discount) / orders",
    "price_level": (
        "mean over the customer's lines of the product's price rank within its category, "
        "from 0, the cheapest, to 1, the dearest"
    ),
    "discount_share": "orders with a discount / orders whose discount is known",
    "channels": "distinct channels the customer ordered through",
    "orders_per_month": "orders × 30.4375 / max(days since the first order, 90)",
    "silence": "days since the last order × orders / (days from first to last order + 90)",
}
"""How each feature is computed, for every customer with an order. Silence is the time since the
last order, in units of the customer's usual gap between orders; while orders are few, that gap is
drawn towards 90 days. Only completed orders with an amount above zero count."""
EVIDENCE = "evidence"
"""A column of this name is not a feature but the customer's weight when the centres are fitted. For
personas it is min(orders, 3) / 3, because one order says little about a habit."""

PROTOTYPES: Mapping[str, tuple[float, float, float, float, float]] = {
    "avg_order_value": (0.0, 0.0, 1.2, 1.2, -1.2),
    "price_level": (0.0, 0.0, 1.2, 1.2, -1.2),
    "discount_share": (0.0, 0.0, -0.7, -0.7, 1.7),
    "channels": (1.5, 0.0, 0.0, -0.8, -0.5),
    "orders_per_month": (1.5, 0.0, -0.2, -0.8, 0.0),
    "silence": (-0.4, 0.0, 2.0, -0.2, 0.0),
    # Names under which others know such features.
    "orders": (1.5, 0.0, -0.2, -0.8, 0.0),
    "frequency": (1.5, 0.0, -0.2, -0.8, 0.0),
    "recency_days": (-1.0, 0.0, 1.5, 0.0, 0.0),
}
"""For each feature, how far each persona's customers are from the mean, in standard deviations and
in the order of PERSONAS. Set from the personas' descriptions, not fitted to any data."""
SPEND = {"avg_order_value", "price_level"}
SILENCE = {"silence", "recency_days"}
FEWEST_FEATURES = 3


def can_tell_personas(features: Sequence[str]) -> bool:
    """Whether the features can tell the five apart: that takes a measure of spend, one of silence
    and at least three known features in all."""
    known = set(features) & set(PROTOTYPES)
    return len(known) >= FEWEST_FEATURES and bool(known & SPEND) and bool(known & SILENCE)


def match_personas(centres: Floats, features: Sequence[str]) -> list[int | None]:
    """Returns the position of each standardised centre's persona; None for centres beyond five."""
    known = [f for f in features if f in PROTOTYPES]
    columns = [list(features).index(f) for f in known]
    prototypes = np.array([PROTOTYPES[f] for f in known]).reshape(len(known), len(PERSONAS)).T
    return match_rows(centres[:, columns], prototypes)


def match_rows(rows: Floats, targets: Floats) -> list[int | None]:
    """Matches one to one so that the sum of squared distances is least (Hungarian assignment)."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  half a second to import

    cost = ((rows[:, None, :] - targets[None, :, :]) ** 2).sum(axis=2)
    matched: list[int | None] = [None] * len(rows)
    for row, target in zip(*linear_sum_assignment(np.round(cost, 9)), strict=True):
        matched[int(row)] = int(target)
    return matched
