"""A batch of people with everything that they do, and the window of days that is written now."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from mock_data.behaviour import CANCELLED, LOOK_AHEAD, Lines, Orders, simulate_orders
from mock_data.catalogue import WAREHOUSES
from mock_data.defects import Tally
from mock_data.draws import Bools, Ints
from mock_data.world import NEVER, STORE, People, World, settle_people

Rows: TypeAlias = tuple[pl.DataFrame, Ints]
"""A table's rows, and the number that stands for each row's key."""


@dataclass
class Batch:
    world: World
    people: People
    orders: Orders
    lines: Lines
    after: int
    """The last day that is written already; far in the past at first."""
    end: int
    suffix: str
    """What follows the table's name in this call's files."""
    tally: Tally = field(default_factory=Tally)

    def in_window(self, day: Ints) -> Bools:
        return (day > self.after) & (day <= self.end)

    def plant(
        self, defect: str, table: str, *keys: ArrayLike, among: Bools | Literal[True] = True
    ) -> Bools:
        """Which keys a defect hits, counted for the table's file."""
        hit = self.world.flags(defect, *keys) & among
        self.tally.add(defect, f"{table}{self.suffix}", int(hit.sum()))
        return hit

    @cached_property
    def buyer(self) -> Ints:
        """The CRM id that each order is booked under, guests' too."""
        people, orders = self.people, self.orders
        again = (people.registered_again[orders.person] < orders.day) & (
            self.world.draws.uniform("which id", orders.uid >> 1) < 0.5
        )
        return (
            people.crm_id()[orders.person] * ~again
            + again * (people.crm_id(np.ones(len(people), dtype=bool))[orders.person])
        )

    @cached_property
    def uses_first_id(self) -> Bools:
        return np.equal(self.buyer, self.people.crm_id()[self.orders.person])

    @cached_property
    def in_crm(self) -> Bools:
        return ~self.orders.in_workbooks

    @cached_property
    def parcels(self) -> "Parcels":
        return _send_parcels(self)


@dataclass(frozen=True)
class Parcels:
    """Arrays, one element a shipped order."""

    order: Ints
    shipped: Ints
    promised: Ints
    arrives: Ints
    """NEVER where it is lost or sent back."""
    is_lost: Bools
    is_sent_back: Bools
    carrier: Ints
    service: Ints
    origin: Ints
    shipped_second: Ints

    @property
    def is_late(self) -> Bools:
        return self.arrives > self.promised


CARRIER_LATENESS = np.array([0.07, 0.11, 0.16, 0.24])


def make_batch(world: World, numbers: range, after: int, end: int, suffix: str) -> Batch:
    people = settle_people(world, numbers, end)
    orders, lines = simulate_orders(world, people, end + LOOK_AHEAD)
    return Batch(world, people, orders, lines, after, end, suffix)


def nobodys_number(keys: Ints) -> Ints:
    """For rows that are planted without a customer: above the number of anybody in the CRM."""
    return 900_000_000 + keys % 99_991


def _send_parcels(batch: Batch) -> Parcels:
    """Online and mobile orders are packed the next day or two; carriers keep their word or not."""
    orders, draws = batch.orders, batch.world.draws
    sent = (orders.channel != STORE) & batch.in_crm & ~orders.is_return
    sent &= orders.fate != CANCELLED
    order = np.flatnonzero(sent & (orders.day <= batch.end))
    uid = orders.uid[order]
    service = draws.pick("service", [0.72, 0.22, 0.06], uid)
    carrier = draws.pick("carrier", [0.4, 0.28, 0.2, 0.12], uid)
    shipped = orders.day[order] + 1 + (draws.uniform("packed", uid) < 0.3)
    promised = shipped + np.array([5, 3, 1])[service] + (service == 0) * (uid % 3 == 0)
    luck = draws.uniform("luck", uid)
    late = luck < CARRIER_LATENESS[carrier]
    delay = 1 + np.minimum((draws.exponential("delay", uid) * 1.8).astype(np.int64), 8)
    early = (draws.uniform("early", uid) < 0.35) & (service == 0)
    is_lost, is_sent_back = luck > 0.997, (luck > 0.99) & (luck <= 0.997)
    arrives = np.where(late, promised + delay, promised - early)
    home = batch.people.state[orders.person[order]]
    return Parcels(
        order=order,
        shipped=shipped,
        promised=promised,
        arrives=np.where(is_lost | is_sent_back, NEVER, arrives),
        is_lost=is_lost,
        is_sent_back=is_sent_back,
        carrier=carrier,
        service=service,
        origin=home % WAREHOUSES,
        shipped_second=draws.integers("handed over", 8 * 3600, 18 * 3600, uid),
    )
