"""The 80 % interval of a customer's spend: four in five customers end up within theirs.

Customers who are not active spend nothing. Active ones spend what is expected of them if active,
times a ratio seen at the rehearsal among customers with about as many expected orders.
"""

from dataclasses import dataclass

import numpy as np

from c360_dagster.science.arrays import Floats

COVERAGE = 0.8
GROUP = 40
"""The least number of active customers in a group; there are at most forty groups."""
STEPS = np.linspace(0.0, 1.0, 51)


@dataclass(frozen=True)
class Outlook:
    """What is expected of each customer."""

    spend: Floats
    orders: Floats
    p_active: Floats

    @property
    def spend_if_active(self) -> Floats:
        return self.spend / np.maximum(self.p_active, 1e-6)

    @property
    def log_orders_if_active(self) -> Floats:
        return np.log(np.maximum(self.orders, 1e-6) / np.maximum(self.p_active, 1e-6))


@dataclass(frozen=True)
class Spread:
    """Spend as a multiple of what was expected, by group of expected orders and by STEPS."""

    log_orders: Floats
    multiples: Floats

    def at(self, log_orders: Floats, probability: Floats) -> Floats:
        """Interpolates linearly between groups and between steps."""
        group = np.interp(log_orders, self.log_orders, np.arange(len(self.log_orders)))
        step = np.clip(probability, 0.0, 1.0) * (len(STEPS) - 1)
        row, column = group.astype(np.int64), step.astype(np.int64)
        next_row = np.minimum(row + 1, len(self.log_orders) - 1)
        next_column = np.minimum(column + 1, len(STEPS) - 1)
        down, right, table = group - row, step - column, self.multiples
        upper = table[row, column] * (1 - right) + table[row, next_column] * right
        lower = table[next_row, column] * (1 - right) + table[next_row, next_column] * right
        multiple: Floats = upper * (1 - down) + lower * down
        return multiple


def fit_spread(tried: Outlook, actual: Floats) -> Spread | None:
    """Learns the spread from the customers who came back; returns None if they are too few."""
    active = np.flatnonzero((actual > 0) & (tried.spend > 0))
    if len(active) < GROUP:
        return None
    level = tried.log_orders_if_active[active]
    multiple = actual[active] / tried.spend_if_active[active]
    order = np.argsort(level, kind="stable")
    groups = np.array_split(order, min(40, len(order) // GROUP))
    centres = np.array([level[group].mean() for group in groups])
    table = np.stack([np.quantile(multiple[group], STEPS) for group in groups])
    # Groups may share a centre; interpolation needs them apart.
    return Spread(centres + 1e-9 * np.arange(len(centres)), table)


def place_intervals(spread: Spread, outlook: Outlook) -> tuple[Floats, Floats]:
    """Returns low and high; the point forecast is always inside.

    Customers who are very likely to buy nothing are within their intervals more often than four
    times in five, whatever is done. The others' intervals are narrower in return, so that four in
    five hold for all customers together.
    """
    silent = 1 - outlook.p_active
    level = _settle_level(silent)
    miss = (1 - level) / 2
    from_zero = silent >= miss
    lower, upper = (
        (np.where(from_zero, other, end) - silent) / np.maximum(outlook.p_active, 1e-6)
        for other, end in ((0.0, miss), (level, 1 - miss))
    )
    at, scale = outlook.log_orders_if_active, outlook.spend_if_active
    low = np.where(from_zero, 0.0, spread.at(at, lower) * scale)
    high = np.where(silent >= level, 0.0, spread.at(at, upper) * scale)
    return np.clip(low, 0.0, outlook.spend), np.maximum(high, outlook.spend)


def _settle_level(silent: Floats) -> float:
    floor, ceiling = 0.5, 0.95
    for _ in range(20):
        level = (floor + ceiling) / 2
        is_short = float(np.maximum(silent, level).mean()) < COVERAGE
        floor, ceiling = (level, ceiling) if is_short else (floor, level)
    return level


def assume_intervals(outlook: Outlook) -> tuple[Floats, Floats]:
    """Returns intervals for when nothing could be learnt. Assumes that orders come at random and
    that the standard deviation of their values equals the mean.

    1.2816 standard deviations leave a tenth out on either side.
    """
    value = outlook.spend / np.maximum(outlook.orders, 1e-9)
    reach = 1.2816 * np.sqrt(2 * outlook.spend * value)
    return np.maximum(outlook.spend - reach, 0.0), outlook.spend + reach
