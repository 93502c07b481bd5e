"""How stable a number of clusters is if the customers are sampled again.

Bootstrap: the same sample is clustered again, each customer weighted by how often they are drawn
with replacement. The adjusted Rand index (Hubert and Arabie 1985) says how far clusterings agree.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import polars as pl

from c360_dagster.science.arrays import Floats, Ints
from c360_dagster.science.kmeans import draw_chances, find_nearest, run_kmeans
from c360_dagster.science.standards import SMALLEST, STABLE

SAMPLE = 1_500
DRAWS, STARTS = 10, 6
TRIED = range(2, 11)
THREADS = 2
CLEARLY_BETTER_BY = 0.05
SCHEMA = {
    "k": pl.Int64,
    "mean_ari": pl.Float64,
    "min_ari": pl.Float64,
    "standard_error": pl.Float64,
    "smallest_share": pl.Float64,
    "explained": pl.Float64,
    "is_chosen": pl.Boolean,
    "is_clearly_better": pl.Boolean,
}


def measure_stability(
    points: Floats, weights: Floats, chosen: int, rng: np.random.Generator
) -> pl.DataFrame:
    """Returns one row for each k tried, measured on at most 1 500 customers."""
    if len(points) > SAMPLE:
        drawn = np.sort(rng.choice(len(points), SAMPLE, replace=False))
        points, weights = points[drawn], weights[drawn]
    most = len(np.unique(points, axis=0)) if len(points) else 0
    tried = sorted({k for k in TRIED if k <= most} | ({chosen} if chosen else set()))
    draws = (_draw(len(points), k, rng) for k in tried)
    with ThreadPoolExecutor(THREADS) as pool:
        measured = pool.map(partial(_measure, points, weights), draws)
        rows = [{"k": k, **found} for k, found in zip(tried, measured, strict=True)]
    frame = pl.DataFrame(rows, schema={name: SCHEMA[name] for name in list(SCHEMA)[:6]})
    return _flag_better(frame.with_columns(is_chosen=pl.col("k") == chosen)).select(
        pl.col(name).cast(kind) for name, kind in SCHEMA.items()
    )


def _draw(size: int, k: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Draws how often each customer is in each sample, and after that the chances of k-means."""
    drawn = rng.multinomial(size, np.full(size, 1 / size), size=DRAWS)
    return drawn, draw_chances(rng, k, (1 + DRAWS) * STARTS)


def _measure(points: Floats, weights: Floats, draws: tuple[Ints, Floats]) -> dict:
    drawn, chances = draws
    size, k = len(points), len(chances)
    runs = run_kmeans(points, np.vstack([weights, drawn * weights]), chances)
    labels, _ = find_nearest(points, runs.centres)
    agreement = np.array([adjusted_rand(labels[0], other, k) for other in labels[1:]])
    mean = np.average(points, axis=0, weights=weights)
    total = float((((points - mean) ** 2).sum(axis=1) * weights).sum())
    return {
        "mean_ari": round(float(agreement.mean()), 6),
        "min_ari": round(float(agreement.min()), 6),
        "standard_error": round(float(agreement.std(ddof=1) / np.sqrt(DRAWS)), 6),
        "smallest_share": round(float(np.bincount(labels[0], minlength=k).min() / size), 6),
        "explained": round(1.0 - float(runs.inertia[0]) / total, 6) if total > 0 else None,
    }


def adjusted_rand(left: Ints, right: Ints, k: int) -> float:
    """Returns 1 for equal clusterings, and about 0 for two that have nothing in common."""
    table = np.bincount(left * k + right, minlength=k * k).reshape(k, k).astype(float)
    pairs, both = _pairs(np.array(len(left))), _pairs(table).sum()
    ours, theirs = _pairs(table.sum(axis=1)).sum(), _pairs(table.sum(axis=0)).sum()
    by_chance = ours * theirs / pairs if pairs else 0.0
    highest = (ours + theirs) / 2
    return 1.0 if highest == by_chance else float((both - by_chance) / (highest - by_chance))


def _pairs(counts: np.ndarray) -> np.ndarray:
    return np.asarray(counts * (counts - 1.0) / 2.0)


def _flag_better(frame: pl.DataFrame) -> pl.DataFrame:
    """Flags each k that is clearly better than the chosen one: more stable by .05 and by two
    standard errors, and without a tiny cluster.

    Fewer clusters are nearly always more stable, so they count only if the chosen k is not stable.
    """
    own = frame.filter("is_chosen")
    if own.is_empty():
        return frame.with_columns(is_clearly_better=pl.lit(value=False))
    k, mean, error = (own[name][0] for name in ("k", "mean_ari", "standard_error"))
    ahead = pl.col("mean_ari") - mean
    doubt = 2.0 * (pl.col("standard_error") ** 2 + error**2).sqrt()
    return frame.with_columns(
        is_clearly_better=(ahead > CLEARLY_BETTER_BY)
        & (ahead > doubt)
        & (pl.col("smallest_share") >= SMALLEST)
        & ((pl.col("k") > k) | (mean < STABLE))
    )
