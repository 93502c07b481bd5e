"""The catalogue, its suppliers and the stock: landing/products.

Stock is what was delivered minus what was sold; it may run out if a supplier is slow.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mock_data import names
from mock_data.addresses import STREETS, phone_parts
from mock_data.batch import Batch
from mock_data.behaviour import CANCELLED
from mock_data.catalogue import (
    LOCATIONS,
    NEAREST_WAREHOUSE,
    PER_CATEGORY,
    PRODUCTS,
    STORE_SIZE,
    STORES,
    SUPPLIERS,
    WAREHOUSES,
)
from mock_data.draws import Bools, Ints
from mock_data.systems.sales import place_ids, product_ids
from mock_data.text import days, ids, moments, money, words
from mock_data.world import NEVER, STORE, World

SHELVES = PRODUCTS * LOCATIONS


def _subcategories() -> list[str]:
    return [s for _, families, _ in names.CATEGORIES.values() for f in families.values() for s in f]


def build_products(world: World, after: int, end: int) -> pl.DataFrame:
    """Returns the whole catalogue at first, later only the products whose status changed."""
    catalogue, product = world.catalogue, np.arange(PRODUCTS)
    gone = catalogue.discontinued_on
    shown = (gone > after) & (gone <= end) if after > -NEVER else np.ones(PRODUCTS, bool)
    nouns = [noun for _, _, nouns in names.CATEGORIES.values() for noun in nouns]
    noun = catalogue.category * 3 + catalogue.subcategory
    noun = noun * 2 + world.draws.integers("noun", 0, 1, product)
    color = world.draws.integers("color", 0, len(names.COLORS) - 1, product)
    brand, tone = words(names.BRANDS, catalogue.brand), words(names.COLORS, color)
    side = 8 + world.draws.integers("side", 0, 40, product)
    frame = pl.DataFrame({
        "product_id": product_ids(product),
        "product_name": brand + " " + tone + " " + words(nouns, noun),
        "category": words(list(names.CATEGORIES), catalogue.category),
        "subcategory": words(_subcategories(), catalogue.category * 3 + catalogue.subcategory),
        "brand": brand,
        "price": money(catalogue.price),
        "cost": money(catalogue.cost),
        "weight_kg": words([f"{n / 1000:.3f}" for n in range(3000)], catalogue.grams),
        "dimensions": words([f"{n}x{n // 2}x{n // 3 + 1} cm" for n in range(60)], side),
        "color": tone,
        "size": words(("XS", "S", "M", "L", "XL", "one size"),
                      np.where(product < 2 * PER_CATEGORY, product % 5, 5)),
        "created_date": days(world.start, catalogue.created_on),
        "status": words(("active", "discontinued", "seasonal"),
                        np.where(gone <= end, 1, np.where(catalogue.is_seasonal, 2, 0))),
    })  # fmt: skip
    return frame.filter(pl.Series(shown))


def build_suppliers(world: World) -> pl.DataFrame:
    supplier = np.arange(SUPPLIERS)
    draws = world.draws
    area, exchange, line = phone_parts(world, -1 - supplier, supplier * 0)
    firm = words(names.FIRM_HEADS, supplier)
    contact = draws.integers("contact", 0, len(names.FAMILY) - 1, supplier)
    street = draws.integers("supplier street", 0, len(STREETS) - 1, supplier)
    return pl.DataFrame({
        "supplier_id": supplier_ids(supplier),
        "supplier_name": firm + " " + words(names.FIRM_TAILS, supplier % len(names.FIRM_TAILS)),
        "contact_person": words(names.MALE, supplier) + " " + words(names.FAMILY, contact),
        "email": "sales@" + firm.str.to_lowercase() + ".example.com",
        "phone": area + "-" + exchange + "-" + line,
        "address": ids("", 100 + supplier * 13) + " " + words(STREETS, street),
        "country": words(names.COUNTRIES, draws.integers("country", 0, 7, supplier)),
        "payment_terms": words(("Net 30", "Net 45", "Net 60"), supplier % 3),
        "quality_rating": 1 + np.round(400 * draws.uniform("rating", supplier) ** 0.4) / 100,
    })  # fmt: skip


def build_product_suppliers(world: World) -> pl.DataFrame:
    catalogue = world.catalogue
    second = np.flatnonzero(catalogue.second_supplier >= 0)
    product = np.concatenate([np.arange(PRODUCTS), second])
    supplier = np.concatenate([catalogue.supplier, catalogue.second_supplier[second]])
    primary = np.arange(len(product)) < PRODUCTS
    markup = np.where(primary, 100, world.draws.integers("markup", 101, 118, product))
    return pl.DataFrame({
        "product_id": product_ids(product),
        "supplier_id": supplier_ids(supplier),
        "is_primary": words(("false", "true"), primary),
        "cost_price": money(catalogue.cost[product] * markup // 100),
        "lead_time_days": lead_days(world, product, supplier),
    })  # fmt: skip


def supplier_ids(supplier: Ints) -> pl.Series:
    return words([f"SUP{n + 1:03d}" for n in range(SUPPLIERS)], supplier)


def lead_days(world: World, product: Ints, supplier: Ints) -> Ints:
    return 4 + world.draws.integers("lead", 0, 8, product) + supplier % 9


def build_product_families() -> pl.DataFrame:
    pairs = [(s, f) for _, families, _ in names.CATEGORIES.values()
             for f, own in families.items() for s in own]  # fmt: skip
    return pl.DataFrame(pairs, schema=["subcategory", "product_family"], orient="row")


def count_units(batch: Batch) -> NDArray[np.int32]:
    """Returns the units that left each shelf on each day."""
    orders, lines, span = batch.orders, batch.lines, batch.end + 1
    leaves = batch.in_crm & ~orders.is_return & (orders.day <= batch.end)
    leaves &= orders.fate != CANCELLED
    place = np.where(
        orders.channel == STORE,
        orders.store,
        STORES + NEAREST_WAREHOUSE[batch.people.state[orders.person]],
    )
    at = np.flatnonzero(leaves[lines.order])
    order = lines.order[at]
    units = np.zeros((SHELVES, span), dtype=np.int32)
    np.add.at(units, (lines.product[at] * LOCATIONS + place[order], orders.day[order]),
              lines.quantity[at].astype(np.int32))  # fmt: skip
    return units


def build_inventory(world: World, units: NDArray[np.int32], after: int, end: int) -> pl.DataFrame:
    """Returns every shelf at first, later only the shelves whose record changed."""
    shelf = np.arange(SHELVES)
    product, place = shelf // LOCATIONS, shelf % LOCATIONS
    # Shelves are sized by the number of customers, never by future orders.
    size = np.concatenate([STORE_SIZE, np.full(WAREHOUSES, 3)])
    daily = world.customers * 0.02 / SHELVES * size[place]
    reorder = np.maximum(2, np.round(18 * daily)).astype(np.int64)
    most = reorder * 4 + 4
    lead = lead_days(world, product, world.catalogue.supplier[product]) // 2 + 1
    stock, touched = most.copy(), np.zeros(SHELVES, dtype=np.int64)
    due, coming = np.full(SHELVES, NEVER), np.zeros(SHELVES, dtype=np.int64)
    known = (np.full(SHELVES, -1), np.full(SHELVES, -1))
    for day in range(end + 1):
        arrived: Bools = due == day
        before = stock
        stock = np.maximum(stock + arrived * coming - units[:, day], 0)
        due = np.where(arrived, NEVER, due)
        order = (stock <= reorder) & (due == NEVER)
        coming = np.where(order, most - stock, coming)
        slow = world.draws.uniform("slow supplier", shelf[order], day) < 0.15
        due[order] = day + lead[order] + slow * 15
        touched = np.where((stock != before) | arrived, day, touched)
        if day == after:
            known = (stock.copy(), touched.copy())
    at = np.flatnonzero((stock != known[0]) | (touched != known[1]))
    reserved = np.minimum(stock, world.draws.integers("reserved", 0, 3, shelf, touched))
    return pl.DataFrame({
        "inventory_id": ids("INV", 100_000 + shelf[at]),
        "product_id": product_ids(product[at]),
        "location_id": place_ids(place[at]),
        "stock_quantity": stock[at],
        "reserved_quantity": reserved[at],
        "reorder_point": reorder[at],
        "max_stock_level": most[at],
        "last_updated": moments(world.start, touched[at], np.full(len(at), 79_200)),
    })  # fmt: skip
