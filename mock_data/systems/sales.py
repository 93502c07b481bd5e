"""The tills and the web shop, and the regions' own ledger: landing/sales.

The ledger sums completed orders by region and day; online orders of guests go to the whole country.
"""

import numpy as np
import polars as pl

from mock_data import names
from mock_data.batch import Batch, Rows, nobodys_number
from mock_data.behaviour import COMPLETED, store_of
from mock_data.catalogue import PRODUCTS, STORES, WAREHOUSES
from mock_data.draws import Bools, Ints
from mock_data.text import days, ids, moments, money, words
from mock_data.world import CHANNELS, NEVER, STORE, World

STATUSES = ("completed", "cancelled", "refunded")
PAYMENTS = ("credit_card", "debit_card", "paypal", "cash", "gift_card")
PAYPAL, CASH = 2, 3
STORE_IDS = [f"ST{n + 1:02d}" for n in range(STORES)]
REGIONS = len(names.STATE_CODES) + 1
COUNTRY = REGIONS - 1


def build_sales_tables(batch: Batch) -> dict[str, Rows]:
    return {"transactions": _transactions(batch), "transaction_items": _transaction_items(batch)}


def _transactions(batch: Batch) -> Rows:
    orders, world = batch.orders, batch.world
    shown = batch.in_window(orders.day) | (
        (orders.day <= batch.end) & batch.in_window(orders.fate_day)
    )
    at = np.flatnonzero(batch.in_crm & shown)
    selected, uid = orders.take(at), orders.uid[at]
    lost = batch.plant("orphan_keys", "transactions", uid)
    buyer = np.where(lost, nobodys_number(uid), batch.buyer[at])
    day = selected.day + batch.plant("future_dates", "transactions", uid) * world.far_ahead
    off = batch.plant("header_off_by_a_cent", "transactions", uid)
    bought = uid - selected.is_return  # a return is refunded in the way in which the order was paid
    payment = world.draws.pick("payment", [0.46, 0.22, 0.12, 0.12, 0.08], bought)
    payment = np.where((selected.channel != STORE) & (payment == CASH), PAYPAL, payment)
    frame = pl.DataFrame({
        "transaction_id": ids("T", selected.number),
        "customer_id": ids("C", buyer, selected.is_guest & ~lost),
        "transaction_date": moments(world.start, day, selected.second),
        "channel": words(CHANNELS, selected.channel),
        "store_id": place_ids(store_of(selected)),
        "payment_method": words(PAYMENTS, payment),
        "subtotal": money(selected.subtotal),
        "tax_amount": money(selected.tax),
        "discount_amount": money(selected.discount),
        "total_amount": money(selected.total + off),
        "currency": pl.repeat("USD", len(at), eager=True),
        "status": words(STATUSES, selected.status(batch.end)),
    })  # fmt: skip
    return frame, uid


def place_ids(place: Ints) -> pl.Series:
    """Returns the ids of stores and warehouses; −1 gives an empty one."""
    warehouses = [f"WH{n + 1:02d}" for n in range(WAREHOUSES)]
    return words(["", *STORE_IDS, *warehouses], place + 1)


def product_ids(product: Ints) -> pl.Series:
    return words([f"P{n + 1:04d}" for n in range(PRODUCTS)], product)


def _transaction_items(batch: Batch) -> Rows:
    orders, catalogue = batch.orders, batch.world.catalogue
    at = np.flatnonzero((batch.in_crm & batch.in_window(orders.day))[batch.lines.order])
    selected = batch.lines.take(at)
    key = orders.uid[selected.order] * 8 + selected.number
    odd = int((selected.price != catalogue.price[selected.product]).sum())
    batch.tally.add("price_unlike_catalogue", f"transaction_items{batch.suffix}", odd)
    wrong = batch.plant("negative_quantities", "transaction_items", key)
    lost = batch.plant("orphan_keys", "transaction_items", key)
    quantity = np.where(wrong, -selected.quantity, selected.quantity)
    product = words(
        ["P9999", *product_ids(np.arange(PRODUCTS))], np.where(lost, 0, selected.product + 1)
    )
    number = orders.number[selected.order]
    frame = pl.DataFrame({
        "item_id": ids("I", number * 8 + selected.number),
        "transaction_id": ids("T", number),
        "product_id": product,
        "quantity": quantity,
        "unit_price": money(selected.price),
        "line_total": money(quantity * selected.price),
        "discount_applied": money(selected.discount),
    })  # fmt: skip
    return frame, key


def regions_of(batch: Batch, order: Ints | Bools) -> Ints:
    """Returns the store's state, else the customer's; the country for a guest's online order."""
    selected, catalogue = batch.orders.take(order), batch.world.catalogue
    home = np.where(selected.is_guest, COUNTRY, batch.people.state[selected.person])
    return np.where(selected.channel == STORE, catalogue.place_state[selected.store], home)


def sum_regions(batch: Batch) -> Ints:
    """Returns revenue, completed orders and all orders by region and day.

    Each is given twice: as known after the last call, and as known now.
    """
    orders, span = batch.orders, batch.end + 1
    sums = np.zeros((2, 3, REGIONS * span), dtype=np.int64)
    for cut, known in enumerate((batch.after, batch.end)):
        at = np.flatnonzero(batch.in_crm & (orders.day <= known))
        cell = regions_of(batch, at) * span + orders.day[at]
        sums[cut, 2] = np.bincount(cell, minlength=REGIONS * span)
        counted = orders.status(known)[at] == COMPLETED
        at, cell = at[counted], cell[counted]
        sums[cut, 0] = np.bincount(cell, weights=orders.total[at], minlength=REGIONS * span)
        sums[cut, 1] = np.bincount(cell, minlength=REGIONS * span)
    return sums


def build_regional_sales(
    world: World, sums: Ints, after: int, end: int
) -> tuple[pl.DataFrame, Bools]:
    """Returns the rows of new days and of days whose sums have changed, and which have errors.

    Sums change when orders are cancelled or refunded.
    """
    span = end + 1
    (then_revenue, then_orders, _), (revenue, orders, placed) = sums
    region, day = np.divmod(np.arange(REGIONS * span), span)
    differs = (revenue != then_revenue) | (orders != then_orders)
    at = np.flatnonzero(((day > after) & (placed > 0)) | ((day <= after) & differs))
    region, day, revenue, orders = region[at], day[at], revenue[at], orders[at]
    key = region * NEVER + day
    off = world.flags("regional_sales_off", key)
    revenue = revenue + off * world.draws.integers("regional error", 101, 5_000, key)
    average = np.where(orders > 0, np.round(revenue / np.maximum(orders, 1)), 0).astype(np.int64)
    codes, titles = [*names.STATE_CODES, "US"], [s.name for s in names.STATES.values()]
    frame = pl.DataFrame({
        "region_id": words(codes, region),
        "region_name": words([*titles, "United States"], region),
        "country": pl.repeat("US", len(at), eager=True),
        "sales_date": days(world.start, day),
        "total_revenue": money(revenue),
        "total_transactions": orders,
        "average_order_value": money(average),
    })  # fmt: skip
    return frame, off
