"""What both of the retailer's shops see of people besides orders: complaints and visits.

Late parcels and bad products cause complaints; purchases are preceded by visits.
"""

from dataclasses import dataclass

import numpy as np

from mock_data.batch import Batch
from mock_data.behaviour import STORE_CLOSES, STORE_OPENS, count_up
from mock_data.draws import Bools, Ints
from mock_data.world import NEVER, STORE

SHIPPING, PRODUCT, RETURNS, BILLING, ACCOUNT = range(5)
CAUSES = ("shipping", "product", "returns", "billing", "account")


@dataclass(frozen=True)
class Complaints:
    """Tickets of either system, at most one per order."""

    order: Ints
    opened: Ints
    """In seconds since midnight of the world's first day, as is `solved`."""
    solved: Ints
    cause: Ints
    score: Ints
    """0 if the customer gave no score."""


def draw_complaints(
    batch: Batch, order: Ints, is_late: Bools, promised: Ints, received: Ints
) -> Complaints:
    """Draws who complains: about late parcels and bad products, and rarely about anything else.

    People complain about a late parcel after the promised day, about a product after it arrived.
    """
    world, orders, lines = batch.world, batch.orders, batch.lines
    uid = orders.uid[order]
    worst = np.ones(len(orders))
    np.minimum.at(worst, lines.order, world.catalogue.quality[lines.product])
    bad = 1.0 - worst[order]
    draw = world.draws.uniform("complains", uid)
    chance_late, chance_bad = 0.3 * is_late, 0.35 * bad**1.5 * (received < NEVER)
    cause = np.where(
        draw < chance_late, SHIPPING,
        np.where(draw < chance_late + chance_bad, PRODUCT + (uid >> 1) % 2,
                 BILLING + world.draws.integers("other cause", 0, 1, uid)),
    )  # fmt: skip
    chosen = np.flatnonzero(draw < chance_late + chance_bad + 0.02)
    uid, cause = uid[chosen], cause[chosen]
    known = np.where(received < NEVER, received, orders.day[order])
    known = np.where(cause == SHIPPING, promised[chosen], known[chosen])
    wait, hour = np.divmod(world.draws.uniform("waits to write", uid) * 3, 1)
    opened = (known + 1 + wait.astype(np.int64)) * 86_400 + STORE_OPENS
    opened += (hour * (STORE_CLOSES - STORE_OPENS)).astype(np.int64)
    hours = np.exp(2.9 + 1.0 * world.draws.normal("effort", uid) + 0.5 * (cause == SHIPPING))
    mood = 4.6 - 0.9 * (cause == SHIPPING) - np.log1p(hours / 24) * 0.9
    score = np.clip(np.round(mood + 0.8 * world.draws.normal("mood", uid)), 1, 5).astype(np.int64)
    answers = world.draws.uniform("answers", uid) < 0.7
    return Complaints(order[chosen], opened, opened + (hours * 3600).astype(np.int64) + 600,
                      cause, np.where(answers, score, 0))  # fmt: skip


def draw_sessions(
    batch: Batch, order: Ints, extra_visits_online: float
) -> tuple[Ints, Ints, Ints, Ints]:
    """Draws visits in the week before each order: row of the order, key, day and second."""
    orders, draws = batch.orders, batch.world.draws
    mean = np.where(orders.channel[order] != STORE, 0.35 + extra_visits_online, 0.35)
    counts = np.minimum(draws.poisson("visits", mean, orders.uid[order]), 7)
    row = np.repeat(order, counts)
    key = orders.uid[row] * 8 + count_up(counts)
    before = np.minimum((draws.exponential("days before", key) * 1.6).astype(np.int64), 6)
    second = draws.integers("visit second", 7 * 3600, 23 * 3600, key)
    second = np.where(before == 0, np.minimum(second, orders.second[row] - 300), second)
    return row, key, orders.day[row] - before, second
