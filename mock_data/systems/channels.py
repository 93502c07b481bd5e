"""Visitors of stores, web and app by the hour: landing/channels. Never fewer than the orders."""

import numpy as np
import polars as pl

from mock_data.batch import Batch
from mock_data.behaviour import season
from mock_data.catalogue import STORE_SIZE, STORES
from mock_data.draws import Ints
from mock_data.systems.sales import STORE_IDS
from mock_data.text import ids, moments, words
from mock_data.world import CHANNELS, STORE, World

DOORS = STORES + 2


def count_orders(batch: Batch) -> Ints:
    """Returns orders by (door, day, hour); the two doors after the stores are web and app."""
    orders, span = batch.orders, batch.end + 1
    at = np.flatnonzero(batch.in_crm & (orders.day <= batch.end))
    door = np.where(orders.channel == STORE, orders.store, STORES + orders.channel - 1)[at]
    cell = (door * span + orders.day[at]) * 24 + orders.second[at] // 3600
    return np.bincount(cell, minlength=DOORS * span * 24)


def build_arrivals(world: World, orders: Ints, after: int, end: int) -> pl.DataFrame:
    """Returns the hours of the new days, with visitors who buy and visitors who only look."""
    span = end + 1
    cell = np.arange(DOORS * span * 24)
    door, day, hour = cell // (span * 24), cell // 24 % span, cell % 24
    is_store = door < STORES
    at = np.flatnonzero((day > after) & (~is_store | ((hour >= 9) & (hour <= 20))))
    door, day, hour, orders = door[at], day[at], hour[at], orders[at]
    key = (door * 100_000 + day) * 24 + hour
    bell = np.exp(-(((hour - 16.5) / 4.5) ** 2))
    # In a store one visitor in four buys something, on the web one in thirty.
    size = np.concatenate([0.00014 * STORE_SIZE, [0.018, 0.018]])
    crowd = world.customers * size[door] * bell + 0.4 * ~is_store[at]
    idle = crowd * season(world, span)[day]
    spread = 0.6 + 0.8 * world.draws.uniform("crowd", key)
    visits = orders + (idle * spread + world.draws.uniform("crowd rest", key)).astype(np.int64)
    doors = [*STORE_IDS, "online", "online"]
    channel = np.where(door < STORES, 0, door - STORES + 1)
    return pl.DataFrame({
        "arrival_id": ids("A", 100_000_000 + key),
        "location_id": words(doors, door),
        "channel": words(CHANNELS, channel),
        "arrival_hour": moments(world.start, day, hour * 3600),
        "arrivals": visits,
    })  # fmt: skip
