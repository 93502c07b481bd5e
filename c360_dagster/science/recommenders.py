"""Who bought what as a sparse matrix, and the item-to-item models that foresee what comes next.

affinity.py decides which model is used, and on what evidence.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from c360_dagster.science.arrays import Bools, Floats, Ints

POPULARITY, COSINE = "popularity", "cosine"
PENALTIES = {"ease_light": 0.5, "ease": 2.0, "ease_strong": 8.0}
METHODS = (POPULARITY, COSINE, *PENALTIES)
MOST_ITEMS = 3_000
"""Only this many items, the most bought ones, are ever recommended."""
LEARNERS = 200_000
"""Models learn from at most this many customers, evenly spaced among all."""
CELLS = 4_000_000
"""Scores held in memory at a time."""
INTEGER_BITS = 63
"""Bits of an integer, without its sign."""
TIE = 1e-6
Singles = NDArray[np.float32]
Places = NDArray[np.int32]


@dataclass(frozen=True)
class Purchases:
    """Each pair of a customer and an item once, sorted by customer and item. `customer` and `item`
    hold positions in the series `customers` and `items`."""

    customers: pl.Series
    items: pl.Series
    customer: Places
    item: Places
    when: Places | None
    """The place of the pair's first day among all days, −1 if that day is not known; None if no day
    is known at all."""

    def keep(self, chosen: Bools) -> "Purchases":
        return replace(
            self,
            customer=self.customer[chosen],
            item=self.item[chosen],
            when=None if self.when is None else self.when[chosen],
        )

    def matrix(self) -> sp.csr_matrix:
        ones = np.ones(len(self.item), dtype=np.float32)
        ends = np.cumsum(np.bincount(self.customer, minlength=len(self.customers)))
        shape = (len(self.customers), len(self.items))
        return sp.csr_matrix((ones, self.item, np.append(0, ends)), shape=shape)


def read_purchases(purchases: pl.DataFrame, when: str | None = None) -> Purchases:
    pairs = purchases.select("customer_id", "item", *([when] if when else []))
    pairs = pairs.drop_nulls(["customer_id", "item"])
    customers, customer = _number(pairs["customer_id"])
    items, item = _number(pairs["item"])
    days, day = _number(pairs[when]) if when else (pl.Series(), None)
    return _list_once(customers, items, customer, item, day if len(days) else None)


def gather_kinds(known: Purchases, kinds: pl.DataFrame) -> Purchases:
    """Turns purchases of items into purchases of kinds. `kinds` has the columns item and kind, one
    row per item; items without a kind are left out."""
    kinds = kinds.drop_nulls()
    names, number = _number(kinds["kind"])
    kind_of = known.items.replace_strict(
        kinds["item"], pl.Series(number), default=-1, return_dtype=pl.Int32
    ).to_numpy()
    kept = known.keep(kind_of[known.item] >= 0)
    bought = np.bincount(kept.customer, minlength=len(known.customers)) > 0
    place = (np.cumsum(bought) - 1).astype(np.int32)
    return _list_once(
        known.customers.filter(pl.Series(bought)),
        names,
        place[kept.customer],
        kind_of[kept.item],
        kept.when,
    )


def _number(values: pl.Series) -> tuple[pl.Series, Places]:
    """Returns the distinct values, sorted, and the place of each value among them; −1 for null."""
    distinct = values.drop_nulls().unique().sort()
    places = pl.Series(np.arange(len(distinct), dtype=np.int32))
    found = values.replace_strict(distinct, places, default=-1, return_dtype=pl.Int32)
    return distinct, found.to_numpy()


def _list_once(
    customers: pl.Series, items: pl.Series, customer: Places, item: Places, day: Places | None
) -> Purchases:
    """Returns each pair once, in order, with the first of its days.

    Packs customer, item and day into one integer, because integers sort far faster than rows.
    """
    days = int(day.max(initial=-1)) + 2 if day is not None else 1
    for_item, for_day = len(items).bit_length(), days.bit_length()
    if len(customers).bit_length() + for_item + for_day > INTEGER_BITS:
        raise ValueError(
            f"{len(customers):,} customers, {len(items):,} items and {days:,} moments are too many "
            "to be put in order at once; give days in place of moments."
        )
    number = (customer.astype(np.int64) << for_item | item) << for_day
    if day is not None:
        number |= np.where(day < 0, days - 1, day)  # unknown days sort last
    number.sort()
    pair = number >> for_day
    is_first = np.ones(len(pair), dtype=bool)
    np.not_equal(pair[1:], pair[:-1], out=is_first[1:])
    if not is_first.all():
        number, pair = number[is_first], pair[is_first]
    when = None
    if day is not None and len(number):
        when = (number & ((1 << for_day) - 1)).astype(np.int32)
        when[when == days - 1] = -1
    return Purchases(
        customers,
        items,
        (pair >> for_item).astype(np.int32),
        (pair & ((1 << for_item) - 1)).astype(np.int32),
        when,
    )


def keep_bestsellers(known: Purchases) -> Purchases:
    if len(known.items) <= MOST_ITEMS:
        return known
    buyers = np.bincount(known.item, minlength=len(known.items))
    most = np.sort(np.argsort(-buyers, kind="stable")[:MOST_ITEMS])
    place = np.full(len(known.items), -1, dtype=np.int32)
    place[most] = np.arange(len(most))
    kept = known.keep(place[known.item] >= 0)
    return replace(kept, items=known.items.gather(most), item=place[kept.item])


def learn_pairs(matrix: sp.csr_matrix) -> Floats:
    """Counts the customers who bought both of two items; on the diagonal, the buyers of one."""
    step = -(-matrix.shape[0] // LEARNERS) or 1
    learners = matrix[::step]
    return np.asarray((learners.T @ learners).toarray(), dtype=np.float64)


def weigh_items(pairs: Floats, method: str) -> Singles:
    """Returns how much each item bought (row) speaks for each other item (column). The last row is
    popularity, which decides ties."""
    buyers = pairs.diagonal()
    share = buyers / max(float(buyers.max(initial=0.0)), 1.0)
    if method == POPULARITY:
        weights = np.zeros_like(pairs)
    elif method == COSINE:
        length = np.sqrt(np.maximum(buyers, 1.0))
        weights = pairs / np.outer(length, length)
    else:
        weights = _fit_ease(pairs, PENALTIES[method])
    np.fill_diagonal(weights, 0.0)
    # Rounded, because the last bits of an inverse may depend on a library's threads.
    weights = np.round(weights, 7)
    return np.vstack([weights, share if method == POPULARITY else TIE * share]).astype(np.float32)


def _fit_ease(pairs: Floats, penalty: float) -> Floats:
    """Fits EASE in closed form (Steck 2019, arXiv 1905.03375). The penalty is in units of the mean
    number of buyers per item."""
    ridge = max(penalty * float(pairs.diagonal().mean()), 1.0)
    inverse = np.linalg.inv(pairs + ridge * np.eye(len(pairs)))
    return np.asarray(-inverse / inverse.diagonal())


def withhold(weights: Singles, items: Bools) -> None:
    """Keeps these items from being recommended; they speak for others as before."""
    weights[-1, items] = -np.inf


def rank_items(matrix: sp.csr_matrix, weights: Singles, n: int) -> tuple[Ints, Singles]:
    """Returns each row's n best items not yet bought, and their scores; −1 where none is left.

    Of equal scores, the first item wins. n is so small that finding the greatest n times is faster
    than sorting.
    """
    rows, columns = matrix.shape
    n = min(n, columns)
    best, scores = np.full((rows, n), -1), np.zeros((rows, n), dtype=np.float32)
    step = max(CELLS // max(columns, 1), 1)
    for first in range(0, rows if n else 0, step):
        part = matrix[first : first + step]
        score = np.asarray(part @ weights[:-1]) + weights[-1]
        score[np.repeat(np.arange(part.shape[0]), np.diff(part.indptr)), part.indices] = -np.inf
        each = np.arange(part.shape[0])
        for place in range(n):
            top = score.argmax(axis=1)
            value = score[each, top]
            best[first + each, place] = np.where(np.isfinite(value), top, -1)
            scores[first + each, place] = value
            score[each, top] = -np.inf
    return best, scores
