"""Recommends items not yet bought, with whichever method foresees purchases best.

Items are whatever the caller gives: products, categories. The models are in recommenders.py. Lift,
which explains but does not recommend, is computed in SQL (product_affinity, category_pairs).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from c360_dagster.science.arrays import Floats, Ints
from c360_dagster.science.recommenders import (
    METHODS,
    POPULARITY,
    Purchases,
    Singles,
    keep_bestsellers,
    learn_pairs,
    rank_items,
    read_purchases,
    weigh_items,
    withhold,
)

DATES = ("purchased_at", "order_date")
MOST_JUDGES = 20_000
"""Methods are compared on the held-out purchases of at most this many customers."""
HELD_OUT = 0.2
STANDARD_ERRORS_AHEAD = 3.0
"""A method is chosen only if it is ahead of popularity by more than this many standard errors of
the difference. Four methods try, and now and then the best of four is ahead by two through luck."""


@dataclass(frozen=True)
class Recommendations:
    items: pl.DataFrame
    """customer_id, item, rank from 1, score. Scores order the items of one customer only; they
    cannot be compared between customers."""
    compared: pl.DataFrame
    """method, recall, customers, is_chosen. Recall is the mean share of a customer's held-out
    purchases that are among the n items recommended; null if nothing could be held out."""


def recommend(
    purchases: pl.DataFrame | Purchases, n: int, withdrawn: pl.Series | None = None
) -> pl.DataFrame:
    """Returns up to n items per customer, best first: customer_id, item, rank from 1, score."""
    return fit_recommendations(purchases, n, withdrawn).items


def fit_recommendations(
    purchases: pl.DataFrame | Purchases, n: int, withdrawn: pl.Series | None = None
) -> Recommendations:
    """Recommends as `recommend` does, and says how well each method foresaw held-out purchases.

    Purchases have the columns customer_id, item and, if known, purchased_at or order_date. Repeated
    rows count once; rows without a customer or an item are ignored. The newest fifth of the first
    purchases (of an item by a customer) is held out; without dates, a random fifth. The best method
    is chosen if it is clearly ahead of popularity, by STANDARD_ERRORS_AHEAD; otherwise popularity
    is.

    Withdrawn items say something about tastes, but they are not recommended.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}.")
    listed = purchases if isinstance(purchases, Purchases) else list_purchases(purchases)
    known = keep_bestsellers(listed)
    shares = _judge(known, n)
    chosen = _choose(shares)
    matrix = known.matrix()
    weights = weigh_items(learn_pairs(matrix), chosen)
    if withdrawn is not None:
        withhold(weights, known.items.is_in(withdrawn.implode()).to_numpy())
    best, scores = rank_items(matrix, weights, n)
    return Recommendations(_list_items(known, best, scores), _compare(shares, chosen))


def _list_items(known: Purchases, best: Ints, scores: Singles) -> pl.DataFrame:
    row, place = np.nonzero(best >= 0)
    return pl.DataFrame(
        {
            "customer_id": known.customers.gather(row),
            "item": known.items.gather(best[row, place]),
            "rank": place + 1,
            "score": pl.Series(scores[row, place]).cast(pl.Float64).round(6),
        }
    )


def _compare(shares: dict[str, Floats], chosen: str) -> pl.DataFrame:
    recalls = [float(s.mean()) if len(s) else None for s in shares.values()]
    return pl.DataFrame(
        {
            "method": list(METHODS),
            "recall": pl.Series(recalls, dtype=pl.Float64).round(6),
            "customers": [len(share) for share in shares.values()],
            "is_chosen": [method == chosen for method in METHODS],
        }
    )


def list_purchases(purchases: pl.DataFrame) -> Purchases:
    """Prepares purchases, for callers that ask for several recommendations from the same ones."""
    missing = {"customer_id", "item"} - set(purchases.columns)
    if missing:
        raise ValueError(f"The purchases lack the columns {', '.join(sorted(missing))}.")
    return read_purchases(purchases, next((d for d in DATES if d in purchases.columns), None))


def _judge(known: Purchases, n: int) -> dict[str, Floats]:
    """Returns, for each method and judging customer, the share of held-out items it recommended."""
    held_out = _hold_out(known)
    before, after = known.keep(~held_out).matrix(), known.keep(held_out).matrix()
    after = after.multiply(np.asarray(before.sum(axis=0) > 0)).tocsr()
    wanted = np.asarray(after.sum(axis=1)).ravel()
    judges = np.flatnonzero((wanted > 0) & (np.asarray(before.sum(axis=1)).ravel() > 0))
    judges = judges[:: -(-len(judges) // MOST_JUDGES) or 1]
    if not len(judges):
        return {method: np.zeros(0) for method in METHODS}
    pairs = learn_pairs(before)
    found = {}
    for method in METHODS:
        best, _ = rank_items(before[judges], weigh_items(pairs, method), n)
        rows = np.repeat(np.arange(len(judges)), best.shape[1])
        hit = np.asarray(after[judges][rows, best.ravel()]).reshape(best.shape)
        found[method] = np.where(best >= 0, hit, 0.0).sum(axis=1) / wanted[judges]
    return found


def _hold_out(known: Purchases) -> np.ndarray:
    """Returns whether each pair is held out. Draws at random if there are no dates, or if they do
    not set the newest fifth apart (because all purchases were on one day, for example)."""
    size = len(known.item)
    if known.when is not None and size:
        border = np.sort(known.when)[int(size * (1.0 - HELD_OUT))]
        if border > known.when.min():
            return np.asarray(known.when >= border)
    return np.asarray(np.random.default_rng(0).random(size) < HELD_OUT)


def _choose(shares: dict[str, Floats]) -> str:
    usual = shares[POPULARITY]
    best = max(METHODS, key=lambda method: round(float(shares[method].sum()), 6))
    ahead = shares[best] - usual
    if best == POPULARITY or len(ahead) == 1:
        return POPULARITY
    doubt = STANDARD_ERRORS_AHEAD * float(ahead.std(ddof=1)) / np.sqrt(len(ahead))
    return best if float(ahead.mean()) > doubt else POPULARITY
