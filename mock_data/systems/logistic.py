"""The warehouses and the carriers: landing/logistic.

delivery.py decides what happens to each parcel; this module writes what is known by the end.
"""

import numpy as np
import polars as pl

from mock_data import names
from mock_data.addresses import STREETS, TOWNS, address_of
from mock_data.batch import Batch, Rows
from mock_data.catalogue import LOCATIONS, STORES
from mock_data.delivery import BACK_AFTER, LOST_AFTER, Parcels
from mock_data.draws import Bools, Ints
from mock_data.systems.sales import place_ids
from mock_data.text import days, ids, moments, money, words
from mock_data.world import NEVER, World

CARRIERS = ("Swiftpost", "BlueArrow", "Parcelink", "Overland Freight")
STATUSES = ("in_transit", "delivered", "delayed", "returned", "lost")
IN_TRANSIT, DELIVERED, DELAYED, RETURNED, LOST = range(5)
EVENTS = ("picked_up", "in_transit", "delayed", "out_for_delivery", "delivered", "returned")
DESCRIPTIONS = (
    "Handed over to the carrier", "On the way through the network", "Later than promised",
    "On the van", "Left with the customer", "Sent back to the warehouse",
)  # fmt: skip
WEIGHTS = pl.Series([f"{n / 100:.3f}" for n in range(20_000)])
CODES = ("PU", "IT", "EX", "OD", "DL", "RT")


def build_logistic_tables(batch: Batch) -> dict[str, Rows]:
    return {"shipments": _shipments(batch), "tracking_events": _tracking_events(batch)}


def _progress(parcels: Parcels, day: int) -> Ints:
    """Returns each parcel's status at the end of a day; −1 if it is not shipped yet."""
    overdue = parcels.promised < day
    state = np.where(parcels.arrives <= day, DELIVERED, np.where(overdue, DELAYED, IN_TRANSIT))
    state = np.where(parcels.is_sent_back & (parcels.promised + BACK_AFTER <= day), RETURNED, state)
    state = np.where(parcels.is_lost & (parcels.promised + LOST_AFTER <= day), LOST, state)
    return np.where(parcels.shipped <= day, state, -1)


def _shipments(batch: Batch) -> Rows:
    parcels, orders, world = batch.parcels, batch.orders, batch.world
    now = _progress(parcels, batch.end)
    at = np.flatnonzero((now >= 0) & (now != _progress(parcels, batch.after)))
    order, now = parcels.order[at], now[at]
    selected, uid = orders.take(order), orders.uid[order]
    grams = np.bincount(
        batch.lines.order,
        weights=world.catalogue.grams[batch.lines.product] * batch.lines.quantity,
        minlength=len(orders),
    )[order].astype(np.int64) + 150  # fmt: skip
    street, town, state, code = address_of(batch.people, selected.person, selected.day)
    address = '"' + street + ", " + town + ", " + state + " " + code + '"'
    side = 15 + np.minimum(grams // 120, 60)
    cost = (399 + grams * 12 // 100) * np.array([10, 17, 31])[parcels.service[at]] // 10
    frame = pl.DataFrame({
        "shipment_id": ids("S", selected.number),
        "transaction_id": ids("T", selected.number),
        "tracking_number": ids("TRK", selected.number * 7 + parcels.carrier[at]),
        "carrier": words(CARRIERS, parcels.carrier[at]),
        "service_level": words(("standard", "expedited", "overnight"), parcels.service[at]),
        "origin_location": place_ids(STORES + parcels.origin[at]),
        "destination_address": address,
        "weight_kg": words(WEIGHTS, np.minimum(grams // 10, len(WEIGHTS) - 1)),
        "dimensions": words([f"{n + 10}x{n}x{n // 2 + 3} cm" for n in range(120)], side),
        "ship_date": days(world.start, parcels.shipped[at]),
        "estimated_delivery": days(world.start, parcels.promised[at]),
        "actual_delivery": days(world.start, parcels.arrives[at], now != DELIVERED),
        "delivery_status": words(STATUSES, now),
        "shipping_cost": money(cost),
    })  # fmt: skip
    return frame, uid


def _tracking_events(batch: Batch) -> Rows:
    """Returns the scans in the window; a parcel has up to five, in order."""
    parcels, world = batch.parcels, batch.world
    uid = batch.orders.uid[parcels.order]
    picked = parcels.shipped * 86_400 + parcels.shipped_second
    draw = world.draws.uniform("scan", uid)
    arrives = parcels.arrives
    out = arrives * 86_400 + (21_600 + draw * 7200).astype(np.int64)
    handed = out + 7200 + (world.draws.uniform("door", uid) * 28_000).astype(np.int64)
    due = parcels.promised * 86_400 + 66_000
    moving = picked + (0.35 * (np.minimum(due, out) - picked)).astype(np.int64)
    back = (parcels.promised + BACK_AFTER) * 86_400 + 50_000
    never = NEVER * 86_400
    is_late = parcels.is_late
    when = np.stack([
        picked,
        moving,
        np.where(is_late, due, never),
        np.where(arrives < NEVER, out, never),
        np.where(arrives < NEVER, handed, never),
        np.where(parcels.is_sent_back, back, never),
    ], axis=1)  # fmt: skip
    row, kind = np.nonzero(batch.in_window(when // 86_400))
    seconds = when[row, kind]
    number = batch.orders.number[parcels.order[row]]
    town = _scan_places(batch, parcels, row, kind)
    frame = pl.DataFrame({
        "event_id": ids("E", number * 8 + kind),
        "shipment_id": ids("S", number),
        "event_timestamp": moments(world.start, seconds // 86_400, seconds % 86_400),
        "event_type": words(EVENTS, kind),
        "location": town,
        "description": words(DESCRIPTIONS, kind),
        "carrier_status": words(CODES, kind),
    })  # fmt: skip
    return frame, uid[row] * 8 + kind


def _scan_places(batch: Batch, parcels: Parcels, row: Ints, kind: Ints) -> pl.Series:
    """Returns the warehouse's town for the first scan and a return, else the customer's state."""
    places = [TOWNS[int(t)] for t in batch.world.catalogue.place_town[STORES:]]
    hubs = [f"{state} hub" for state in names.STATE_CODES]
    at_origin: Bools = np.isin(kind, (0, 5))
    home = batch.people.state[batch.orders.person[parcels.order[row]]]
    return words([*places, *hubs], np.where(at_origin, parcels.origin[row], 4 + home))


def build_locations(world: World) -> pl.DataFrame:
    place = np.arange(LOCATIONS)
    catalogue, draws = world.catalogue, world.draws
    kinds = np.where(place < STORES, 0, np.where(place < STORES + 2, 1, 2))
    town = words(TOWNS, catalogue.place_town)
    street = draws.integers("place street", 0, len(STREETS) - 1, place)
    manager = draws.integers("manager", 0, len(names.FAMILY) - 1, place)
    return pl.DataFrame({
        "location_id": place_ids(place),
        "location_name": town + words((" Store", " Warehouse", " Distribution Center"), kinds),
        "location_type": words(("store", "warehouse", "distribution_center"), kinds),
        "address": ids("", 10 + place * 37) + " " + words(STREETS, street),
        "city": town,
        "state": words(names.STATE_CODES, catalogue.place_state),
        "country": pl.repeat("US", LOCATIONS, eager=True),
        "capacity_cubic_meters": np.where(place < STORES, 600, 24_000) + 10 * place,
        "manager_name": words(names.FEMALE, place) + " " + words(names.FAMILY, manager),
    })  # fmt: skip
