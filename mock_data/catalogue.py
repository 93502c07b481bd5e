"""The simulated products and their complements, suppliers, stores and warehouses.

People are in world.py; how the retailer's systems record all this is in systems/.
"""

from dataclasses import dataclass

import numpy as np

from mock_data import names
from mock_data.draws import Bools, Draws, Floats, Ints

PRODUCTS, SUPPLIERS, STORES, WAREHOUSES, TIERS, SLOTS = 240, 25, 12, 4, 3, 4096
CATEGORY_COUNT = len(names.CATEGORIES)
PER_CATEGORY = PRODUCTS // CATEGORY_COUNT
LOCATIONS = STORES + WAREHOUSES
ON_SALE_FOREVER = 1_000_000
NEAREST_STORE = np.array([names.STATE_CODES.index(s.nearest_store) for s in names.STATES.values()])
"""For each state the number of its people's store; a store has the number of its own state."""
NEAREST_WAREHOUSE = np.arange(len(names.STATE_CODES)) % WAREHOUSES
"""For each state the number of the warehouse that sends its parcels."""
_PEOPLE = np.bincount(NEAREST_STORE, [s.weight for s in names.STATES.values()])
STORE_SIZE = _PEOPLE / _PEOPLE.mean()


@dataclass(frozen=True)
class Catalogue:
    """Arrays indexed by product, location or supplier number."""

    price: Ints
    cost: Ints
    grams: Ints
    subcategory: Ints
    brand: Ints
    supplier: Ints
    second_supplier: Ints
    quality: Floats
    complement: Ints
    discontinued_on: Ints
    successor: Ints
    """For each product the one nearest in price within its category that is never discontinued."""
    is_seasonal: Bools
    created_on: Ints
    slots: Ints
    """Products by (category, price tier, slot), to draw from; popular ones fill more slots."""
    place_state: Ints
    place_town: Ints

    def on_sale(self, product: Ints, day: Ints) -> Ints:
        """Returns each product, or its successor if it is discontinued by that day."""
        return np.where(day < self.discontinued_on[product], product, self.successor[product])

    @property
    def category(self) -> Ints:
        return np.arange(PRODUCTS) // PER_CATEGORY


def build_catalogue(draws: Draws) -> Catalogue:
    """Builds all products and places of one world."""
    product = np.arange(PRODUCTS)
    medians = np.array([median for median, _, _ in names.CATEGORIES.values()])
    raw = medians[product // PER_CATEGORY] * np.exp(0.85 * draws.normal("price", product))
    # Within a category, products are numbered in the order of their prices.
    price = np.sort(raw.reshape(CATEGORY_COUNT, PER_CATEGORY), axis=1).ravel()
    price = np.maximum(price / 100.0, 2.0).astype(np.int64) * 100 + 99
    supplier = draws.integers("supplier", 0, SUPPLIERS - 1, product)
    second = (supplier + draws.integers("second", 1, SUPPLIERS - 1, product)) % SUPPLIERS
    fate = draws.uniform("fate", product)
    place = np.arange(LOCATIONS)  # each in a state of its own, the most populous states first
    town = draws.integers("place town", 0, names.TOWNS_IN_A_STATE - 1, place)
    end_day = np.where(fate < 0.08, draws.integers("end", 60, 900, product), ON_SALE_FOREVER)
    discontinued_on = np.where(fate < 0.03, -1, end_day)
    return Catalogue(
        price=price,
        cost=(price * (0.42 + 0.25 * draws.uniform("cost", product))).astype(np.int64),
        grams=(80 + 2500 * draws.uniform("grams", product) ** 2).astype(np.int64),
        subcategory=draws.integers("subcategory", 0, 2, product),
        brand=draws.integers("brand", 0, len(names.BRANDS) - 1, product),
        supplier=supplier,
        second_supplier=np.where(draws.uniform("has second", product) < 0.4, second, -1),
        quality=1.0 - draws.uniform("quality", product) ** 4,
        complement=_pair_products(draws),
        discontinued_on=discontinued_on,
        successor=_find_successors(discontinued_on),
        is_seasonal=fate > 0.92,
        created_on=-draws.integers("created", 30, 1500, product),
        slots=_build_slots(draws),
        place_state=place,
        place_town=place * names.TOWNS_IN_A_STATE + town,
    )


def _find_successors(discontinued_on: Ints) -> Ints:
    product = np.arange(PRODUCTS)
    stays = np.flatnonzero(discontinued_on == ON_SALE_FOREVER)
    is_other = product[:, None] // PER_CATEGORY != stays // PER_CATEGORY
    far = np.abs(product[:, None] - stays) + PRODUCTS * is_other
    nearest: Ints = stays[far.argmin(axis=1)]
    return nearest


def _pair_products(draws: Draws) -> Ints:
    """Returns a complement in another category for every eighth product, else −1."""
    product = np.arange(PRODUCTS)
    category = product // PER_CATEGORY
    other = (category + draws.integers("other category", 1, CATEGORY_COUNT - 1, product)) % (
        CATEGORY_COUNT
    )
    # The complement has the same price rank in its category as the product has in its own.
    partner = other * PER_CATEGORY + product % PER_CATEGORY
    return np.where(product % 8 == 3, partner, -1)


def _build_slots(draws: Draws) -> Ints:
    """Fills 4 096 slots for each category and price tier, in proportion to popularity."""
    slots = np.empty((CATEGORY_COUNT, TIERS, SLOTS), dtype=np.int64)
    popularity = draws.exponential("popularity", np.arange(PRODUCTS)) + 0.15
    rank = np.arange(PER_CATEGORY) / (PER_CATEGORY - 1)
    for category in range(CATEGORY_COUNT):
        in_category = np.arange(category * PER_CATEGORY, (category + 1) * PER_CATEGORY)
        for tier, centre in enumerate((0.15, 0.5, 0.9)):
            weights = popularity[in_category] * np.exp(-(((rank - centre) / 0.17) ** 2))
            edges = np.cumsum(weights) / weights.sum()
            slots[category, tier] = in_category[
                np.searchsorted(edges, (np.arange(SLOTS) + 0.5) / SLOTS).clip(0, PER_CATEGORY - 1)
            ]
    return slots
