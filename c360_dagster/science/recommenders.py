"""Who bought what as a sparse matrix, and the item-to-item models that foresee what comes next.

Which model is used, and on what evidence, is decided in affinity.py.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from c360_dagster.science.kmeans import Floats, Ints

POPULARITY, COSINE = "popularity", "cosine"
PENALTIES = {"ease_light": 0.5, "ease": 2.0, "ease_strong": 8.0}
METHODS = (POPULARITY, COSINE, *PENALTIES)
MOST_ITEMS = 3_000
"""Only so many of the items, the most bought ones, are ever recommended."""
LEARNERS = 200_000
"""Models learn from so many customers at most, evenly spaced among all."""
CELLS = 4_000_000
"""Scores held at a time."""
TIE = 1e-6
Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Purchases:
    """Each customer and item once, by customer and item; arrays of positions in the two series."""

    customers: pl.Series
    items: pl.Series
    customer: Ints
    item: Ints
    when: Ints | None
    """The rank of the day of the first purchase; None where no day is known."""

    def keep(self, chosen: NDArray[np.bool_]) -> "Purchases":
        return replace(
            self,
            customer=self.customer[chosen],
            item=self.item[chosen],
            when=None if self.when is None else self.when[chosen],
        )

    def matrix(self) -> sp.csr_matrix:
        ones = np.ones(len(self.item), dtype=np.float32)
        shape = (len(self.customers), len(self.items))
        return sp.csr_matrix((ones, (self.customer, self.item)), shape=shape)


def read_purchases(purchases: pl.DataFrame, when: str | None = None) -> Purchases:
    pairs = purchases.select("customer_id", "item", when=pl.col(when) if when else pl.lit(None))
    pairs = pairs.drop_nulls(["customer_id", "item"])
    bought = pairs.group_by("item").agg(pl.col("customer_id").n_unique().alias("buyers"))
    items = bought.sort("buyers", "item", descending=[True, False])["item"][:MOST_ITEMS].sort()
    customers = pairs["customer_id"].unique().sort()
    coded = (
        pairs.join(_number(customers, "customer"), left_on="customer_id", right_on="value")
        .join(_number(items, "column"), left_on="item", right_on="value")
        .group_by("customer", "column")
        .agg(pl.col("when").min())
        .sort("customer", "column")
    )
    is_dated = coded["when"].null_count() < coded.height
    ranks = coded["when"].rank("dense").fill_null(0).cast(pl.Int64).to_numpy() if is_dated else None
    return Purchases(
        customers, items, coded["customer"].to_numpy(), coded["column"].to_numpy(), ranks
    )


def _number(values: pl.Series, name: str) -> pl.DataFrame:
    return pl.DataFrame({"value": values, name: np.arange(len(values), dtype=np.int64)})


def count_pairs(matrix: sp.csr_matrix) -> Floats:
    """How many customers bought both of two items; on the diagonal, the one."""
    return np.asarray((matrix.T @ matrix).toarray(), dtype=np.float64)


def learn_pairs(matrix: sp.csr_matrix) -> Floats:
    step = -(-matrix.shape[0] // LEARNERS) or 1
    return count_pairs(matrix[::step])


def weigh_items(pairs: Floats, method: str) -> Singles:
    """How much each item bought (row) speaks for each other (column), with popularity for ties."""
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
    # Rounded, for a library's threads may decide the last bits of an inverse.
    weights = np.round(weights, 7)
    return np.vstack([weights, share if method == POPULARITY else TIE * share]).astype(np.float32)


def _fit_ease(pairs: Floats, penalty: float) -> Floats:
    """EASE in closed form (Steck 2019, arXiv 1905.03375), its penalty in units of mean buyers."""
    ridge = max(penalty * float(pairs.diagonal().mean()), 1.0)
    inverse = np.linalg.inv(pairs + ridge * np.eye(len(pairs)))
    return np.asarray(-inverse / inverse.diagonal())


def rank_items(matrix: sp.csr_matrix, weights: Singles, n: int) -> tuple[Ints, Singles]:
    """For each row its n best items not yet bought and their scores; −1 where none is left."""
    rows, columns = matrix.shape
    n = min(n, columns)
    best, scores = np.full((rows, n), -1), np.zeros((rows, n), dtype=np.float32)
    step = max(CELLS // max(columns, 1), 1) if n else rows + 1
    for first in range(0, rows if n else 0, step):
        part = matrix[first : first + step]
        score = np.asarray(part @ weights[:-1]) + weights[-1]
        score[part.nonzero()] = -np.inf
        top = np.sort(np.argpartition(score, columns - n, axis=1)[:, columns - n :], axis=1)
        value = np.take_along_axis(score, top, axis=1)
        order = np.argsort(-value, axis=1, kind="stable")
        value = np.take_along_axis(value, order, axis=1)
        chosen = np.take_along_axis(top, order, axis=1)
        best[first : first + step] = np.where(np.isfinite(value), chosen, -1)
        scores[first : first + step] = value
    return best, scores
