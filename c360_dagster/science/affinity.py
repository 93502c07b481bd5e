"""What goes with what: recommendations of items not yet bought, and lift to explain them.

Items are whatever the caller gives: products, categories. The models are in recommenders.py.
"""

import numpy as np
import polars as pl

from c360_dagster.science.kmeans import Floats
from c360_dagster.science.recommenders import (
    METHODS,
    POPULARITY,
    Purchases,
    count_pairs,
    learn_pairs,
    rank_items,
    read_purchases,
    weigh_items,
)

DATES = ("purchased_at", "order_date")
JUDGED_AT, JUDGES = 10, 20_000
HELD_OUT = 0.2
SURE = 2.0
"""To be chosen, a method is ahead of popularity by so many standard errors of the difference."""


def recommend(purchases: pl.DataFrame, n: int) -> pl.DataFrame:
    """Up to n items for each customer, best first: customer_id, item, rank from 1, score.

    Purchases: customer_id, item, and if known when (purchased_at or order_date); repeated rows
    count once, rows without a customer or an item not at all. The method is the one that best
    foresees purchases held out (compare_methods). The score orders one customer's items only.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}.")
    known = _read(purchases)
    matrix = known.matrix()
    method = _choose(_judge(known, min(n, JUDGED_AT)))
    best, scores = rank_items(matrix, weigh_items(learn_pairs(matrix), method), n)
    row, place = np.nonzero(best >= 0)
    return pl.DataFrame(
        {
            "customer_id": known.customers.gather(row),
            "item": known.items.gather(best[row, place]),
            "rank": place + 1,
            "score": pl.Series(scores[row, place]).cast(pl.Float64).round(6),
        }
    )


def compare_methods(purchases: pl.DataFrame, n: int = JUDGED_AT) -> pl.DataFrame:
    """Recall at n on purchases held out: method, recall, customers, is_chosen.

    Held out is the newest fifth of what customers bought for the first time, or where no dates
    are known a fifth by chance. Recall is the mean share of a customer's held-out items among the
    n recommended. The best method is chosen if it is ahead of popularity beyond doubt; where
    nothing can be held out, popularity is.
    """
    shares = _judge(_read(purchases), n)
    chosen = _choose(shares)
    recalls = [float(s.mean()) if len(s) else None for s in shares.values()]
    return pl.DataFrame(
        {
            "method": list(METHODS),
            "recall": pl.Series(recalls, dtype=pl.Float64).round(6),
            "customers": [len(share) for share in shares.values()],
            "is_chosen": [method == chosen for method in METHODS],
        }
    )


def category_pairs(purchases: pl.DataFrame) -> pl.DataFrame:
    """Items that the same customers buy: item, other_item, customers, support, confidence, lift.

    Of two items bought by the same customers both directions. Support is the share of customers
    with both, confidence the share of the item's buyers who bought the other, and lift how many
    times as likely that is as among all customers.
    """
    known = _read(purchases)
    pairs = count_pairs(known.matrix())
    buyers, everyone = pairs.diagonal().copy(), len(known.customers)
    np.fill_diagonal(pairs, 0.0)
    item, other = np.nonzero(pairs)
    both = pairs[item, other]
    confidence = both / buyers[item]
    return pl.DataFrame(
        {
            "item": known.items.gather(item),
            "other_item": known.items.gather(other),
            "customers": both.astype(np.int64),
            "support": np.round(both / max(everyone, 1), 6),
            "confidence": np.round(confidence, 6),
            "lift": np.round(confidence * everyone / buyers[other], 6),
        }
    )


def cluster_affinity(purchases: pl.DataFrame) -> pl.DataFrame:
    """What each cluster buys beyond the usual; purchases: customer_id, cluster_id, item, order_id,
    amount.

    cluster_id, item, customers, orders, revenue, revenue_share (of the cluster's), lift (that share
    over the item's share of all revenue; null where this is not above zero) and rank by lift.
    """
    known = purchases.drop_nulls(["customer_id", "cluster_id", "item"])
    revenue = pl.col("amount").cast(pl.Float64).sort().sum()
    usual = known.group_by("item").agg(revenue.alias("usual"))
    sold = known.group_by("cluster_id", "item").agg(
        customers=pl.col("customer_id").n_unique().cast(pl.Int64),
        orders=pl.col("order_id").n_unique().cast(pl.Int64),
        revenue=revenue,
    )
    own = _share(pl.col("revenue"), pl.col("revenue").sum().over("cluster_id"))
    usually = _share(pl.col("usual"), pl.lit(usual["usual"].sum()))
    return (
        sold.join(usual, on="item")
        .sort("cluster_id", "item")
        .with_columns(revenue_share=own)
        .with_columns(lift=_share(pl.col("revenue_share"), usually).round(6))
        .with_columns(pl.col("revenue", "revenue_share").round(6))
        .with_columns(
            rank=pl.col("lift").fill_null(-np.inf).rank("ordinal", descending=True)
            .over("cluster_id").cast(pl.Int64)
        )
        .drop("usual")
        .sort("cluster_id", "rank")
    )  # fmt: skip


def _share(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    return pl.when(whole > 0).then(part / whole)


def _read(purchases: pl.DataFrame) -> Purchases:
    missing = {"customer_id", "item"} - set(purchases.columns)
    if missing:
        raise ValueError(f"The purchases lack the columns {', '.join(sorted(missing))}.")
    return read_purchases(purchases, next((d for d in DATES if d in purchases.columns), None))


def _judge(known: Purchases, n: int) -> dict[str, Floats]:
    """For each method and judging customer, the share of her held-out items that it foresaw."""
    held_out = _hold_out(known)
    before, after = known.keep(~held_out).matrix(), known.keep(held_out).matrix()
    after = after.multiply(np.asarray(before.sum(axis=0) > 0)).tocsr()
    wanted = np.asarray(after.sum(axis=1)).ravel()
    judges = np.flatnonzero((wanted > 0) & (np.asarray(before.sum(axis=1)).ravel() > 0))
    judges = judges[:: -(-len(judges) // JUDGES) or 1]
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
    """Whether each pair is held out; by chance also where all came on one day."""
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
    doubt = SURE * float(ahead.std(ddof=1)) / np.sqrt(len(ahead))
    return best if float(ahead.mean()) > doubt else POPULARITY
