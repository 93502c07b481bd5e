"""A batch of people with everything that they do, and the days that this call writes."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from mock_data.behaviour import Lines, Orders, simulate_orders
from mock_data.defects import Tally
from mock_data.delivery import Parcels, add_returns, receive, refund_undelivered, send_parcels
from mock_data.draws import Bools, Ints
from mock_data.world import People, World, draw_people

FUTURE_DAYS = 365
"""So many days past the end, orders are simulated and the truth lists them.

It is the year that forecasts are about. Nothing else needs later orders: the visits that precede an
order are at most six days before it.
"""

Rows: TypeAlias = tuple[pl.DataFrame, Ints]
"""A table's rows, and for each row a number that identifies it in random draws."""


@dataclass
class Batch:
    world: World
    people: People
    orders: Orders
    lines: Lines
    parcels: Parcels
    received: Ints
    """For each order the day on which the buyer has the goods, or NEVER."""
    after: int
    """The last day that earlier calls wrote; −NEVER if this is the first call."""
    end: int
    suffix: str
    """What this call adds to the table's name in the names of its files."""
    tally: Tally = field(default_factory=Tally)

    def in_window(self, day: Ints) -> Bools:
        return (day > self.after) & (day <= self.end)

    def plant(
        self, defect: str, table: str, *keys: ArrayLike, among: Bools | Literal[True] = True
    ) -> Bools:
        """Returns which keys a defect hits, and counts them for the table's file."""
        hit = self.world.flags(defect, *keys) & among
        self.tally.add(defect, f"{table}{self.suffix}", int(hit.sum()))
        return hit

    @cached_property
    def buyer(self) -> Ints:
        """The CRM id under which each order is booked; guests' orders have one too.

        After a second registration, half of the orders go to the second id.
        """
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


def make_batch(world: World, numbers: range, after: int, end: int, suffix: str) -> Batch:
    people = draw_people(world, numbers, end)
    orders, lines = simulate_orders(world, people, end + FUTURE_DAYS)
    parcels = send_parcels(world, people, orders)
    orders = refund_undelivered(orders, parcels)
    received = receive(orders, parcels)
    orders, lines = add_returns(world, orders, lines, received, end)
    return Batch(world, people, orders, lines, parcels, received, after, end, suffix)


def nobodys_number(keys: Ints) -> Ints:
    """Returns customer numbers that nobody in the CRM has, for rows planted without a customer."""
    return 900_000_000 + keys % 99_991
