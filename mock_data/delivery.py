"""What happens to an order on its way: parcels, parcels that never arrive, and returns.

As in behaviour.py, nothing depends on the end date, except that returns are added only up to it.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from mock_data.behaviour import (
    CANCELLED,
    CLOSES,
    COMPLETED,
    OPENS,
    REFUNDED,
    Lines,
    Orders,
    fit_hours,
    season,
)
from mock_data.catalogue import NEAREST_WAREHOUSE
from mock_data.draws import Bools, Ints
from mock_data.world import NEVER, STORE, People, World

CARRIER_LATENESS = np.array([0.07, 0.11, 0.16, 0.24])
BACK_AFTER, LOST_AFTER = 3, 10
"""Days after the promised one on which a parcel is back at the warehouse, or given up as lost."""


@dataclass(frozen=True)
class Parcels:
    """Arrays with one element per shipped order."""

    order: Ints
    shipped: Ints
    promised: Ints
    arrives: Ints
    """The day of arrival, or NEVER if the parcel is lost or sent back."""
    is_lost: Bools
    is_sent_back: Bools
    carrier: Ints
    service: Ints
    origin: Ints
    shipped_second: Ints

    @property
    def is_late(self) -> Bools:
        return self.arrives > self.promised


def send_parcels(world: World, people: People, orders: Orders) -> Parcels:
    """Ships the online and mobile orders a day or two later; some arrive late or not at all."""
    draws = world.draws
    order = np.flatnonzero(
        (orders.channel != STORE) & ~orders.in_workbooks & (orders.fate != CANCELLED)
    )
    uid, day = orders.uid[order], orders.day[order]
    service = draws.pick("service", [0.72, 0.22, 0.06], uid)
    carrier = draws.pick("carrier", [0.4, 0.28, 0.2, 0.12], uid)
    shipped = day + 1 + (draws.uniform("packed", uid) < 0.3)
    promised = shipped + np.array([5, 3, 1])[service] + (service == 0) * (uid % 3 == 0)
    luck = draws.uniform("luck", uid)
    # On days with many orders, more parcels are late.
    crowd = season(world, int(day.max(initial=0)) + 1)
    late = luck < CARRIER_LATENESS[carrier] * crowd[day]
    delay = 1 + np.minimum((draws.exponential("delay", uid) * 1.8).astype(np.int64), 8)
    early = (draws.uniform("early", uid) < 0.35) & (service == 0)
    is_lost, is_sent_back = luck > 0.997, (luck > 0.99) & (luck <= 0.997)
    arrives = np.where(late, promised + delay, promised - early)
    return Parcels(
        order=order,
        shipped=shipped,
        promised=promised,
        arrives=np.where(is_lost | is_sent_back, NEVER, arrives),
        is_lost=is_lost,
        is_sent_back=is_sent_back,
        carrier=carrier,
        service=service,
        origin=NEAREST_WAREHOUSE[people.state[orders.person[order]]],
        shipped_second=draws.integers("handed over", 8 * 3600, 18 * 3600, uid),
    )


def refund_undelivered(orders: Orders, parcels: Parcels) -> Orders:
    """Refunds orders whose parcel is lost or sent back, on the day on which that is known."""
    known = parcels.promised + np.where(parcels.is_lost, LOST_AFTER, BACK_AFTER)
    gone = parcels.arrives == NEVER
    fate, fate_day = orders.fate.copy(), orders.fate_day.copy()
    fate[parcels.order[gone]] = REFUNDED
    fate_day[parcels.order[gone]] = known[gone]
    return replace(orders, fate=fate, fate_day=fate_day)


def receive(orders: Orders, parcels: Parcels) -> Ints:
    """Returns the day on which the buyer of each order has the goods, or NEVER."""
    received = np.where(orders.fate == CANCELLED, NEVER, orders.day)
    received[parcels.order] = parcels.arrives
    return received


def add_returns(
    world: World, orders: Orders, lines: Lines, received: Ints, until: int
) -> tuple[Orders, Lines]:
    """Adds returns: for some completed orders an order some days later that gives one line back."""
    draws = world.draws
    back_day = received + draws.integers("return day", 4, 28, orders.uid)
    back = np.flatnonzero(
        (draws.uniform("returned", orders.uid) < 0.05)
        & (orders.fate == COMPLETED) & ~orders.in_workbooks & (back_day <= until)
    )  # fmt: skip
    first_line = np.searchsorted(lines.order, back)
    given = lines.take(first_line)
    source = orders.take(back)
    returns = {f.name: getattr(source, f.name) for f in fields(source)}
    second = draws.integers("return second", OPENS, CLOSES - 1, source.uid)
    returns |= {
        "uid": source.uid + 1,
        "day": back_day[back],
        "second": fit_hours(source.channel, second),
        "is_return": np.ones(len(back), dtype=bool),
        "subtotal": -given.total,
        "discount": -given.discount,
    }
    given_back = {
        "order": len(orders) + np.arange(len(back)),
        "quantity": -given.quantity,
        "discount": -given.discount,
    }
    return (
        Orders(**{n: np.concatenate([getattr(orders, n), a]) for n, a in returns.items()}),
        Lines(**{
            f.name: np.concatenate(
                [getattr(lines, f.name), given_back.get(f.name, getattr(given, f.name))]
            )
            for f in fields(lines)
        }),
    )  # fmt: skip
