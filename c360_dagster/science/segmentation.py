"""Divides customers into segments: logarithms if they fit, standardising, k-means, lasting names.

personas.py says what the personas look like; stability.py judges k.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from c360_dagster.science.arrays import Floats, Ints
from c360_dagster.science.kmeans import draw_chances, find_nearest, improve_centres, run_kmeans
from c360_dagster.science.personas import (
    EVIDENCE,
    PERSONAS,
    can_tell_personas,
    match_personas,
    match_rows,
)
from c360_dagster.science.rows import order_customers
from c360_dagster.science.stability import measure_stability

DEFAULT_K = 5
STARTS = 10
FITTED_FIRST = 20_000
"""The starts compete on a sample of this size; the winner is then improved on everyone."""
SKEWED = 1.0


@dataclass(frozen=True)
class Segments:
    labels: pl.DataFrame
    """customer_id, cluster_id; sorted by customer_id."""
    centroids: pl.DataFrame
    """cluster_id, persona, and the mean of each feature in its own unit; the geometric mean if the
    feature's logarithm was taken."""
    stability: pl.DataFrame
    """k, mean_ari, min_ari, standard_error, smallest_share, explained, is_chosen,
    is_clearly_better; one row for each k tried."""

    @property
    def personas(self) -> dict[int, str]:
        return dict(self.centroids.select("cluster_id", "persona").iter_rows())


@dataclass(frozen=True)
class Scale:
    """Turns features into coordinates and back."""

    is_logged: np.ndarray
    mean: Floats
    spread: Floats
    """0 if the feature is the same for everyone, so that it tells nobody apart."""

    def standardise(self, values: Floats) -> Floats:
        logged = np.where(self.is_logged, _log(values), values)
        varies = self.spread > 0
        units = np.where(varies, self.spread, 1.0)
        return np.asarray(np.where(varies, (logged - self.mean) / units, 0.0))

    def restore(self, points: Floats) -> Floats:
        values = points * self.spread + self.mean
        logged = values[:, self.is_logged]
        values[:, self.is_logged] = np.sign(logged) * np.expm1(np.abs(logged))
        return values


def fit_segments(
    features: pl.DataFrame,
    k: int | None = None,
    previous: pl.DataFrame | None = None,
    seed: int = 0,
) -> Segments:
    """Clusters customers. Features have one row per customer: customer_id and numbers. A null
    counts as the median.

    k is 5 unless given, and never more than there are distinct customers. With the features of
    personas.py (some of them suffice), the clusters are the five personas, numbered in their order.
    With any others, they are `Segment 1`, … from high values to low. If previous centroids of the
    same features are given, the clusters that match them keep their numbers and names. A column
    `evidence` is each customer's weight.
    """
    if k is not None and k < 1:
        raise ValueError(f"k must be at least 1, not {k}.")
    names = _feature_names(features)
    ordered = order_customers(features)
    values, weights = _read_values(ordered, names), _read_weights(ordered)
    scale = _fit_scale(values, weights)
    points = scale.standardise(values)
    rng = np.random.default_rng(seed)
    centres = _fit_centres(points, weights, k or DEFAULT_K, rng)
    numbers, personas = _name_clusters(centres, names, scale, previous)
    found = find_nearest(points, centres[None])[0][0] if len(points) else np.zeros(0, dtype=int)
    restored = np.round(scale.restore(centres), 6) + 0.0
    return Segments(
        labels=ordered.select("customer_id", cluster_id=pl.lit(numbers[found])),
        centroids=pl.DataFrame(
            {"cluster_id": numbers, "persona": pl.Series(personas, dtype=pl.String)}
            | {name: restored[:, column] for column, name in enumerate(names)}
        ).sort("cluster_id"),
        stability=measure_stability(points, weights, len(centres), rng),
    )


def share_changed(before: pl.DataFrame, after: pl.DataFrame) -> float | None:
    """Returns the share of the customers in both sets of labels whose cluster has changed."""
    both = before.join(after, on="customer_id", suffix="_after")
    changed = both.select((pl.col("cluster_id") != pl.col("cluster_id_after")).mean()).item()
    return None if changed is None else round(float(changed), 6)


def _feature_names(features: pl.DataFrame) -> list[str]:
    """Returns the columns to cluster by, sorted by name: the caller's order means nothing."""
    if "customer_id" not in features.columns:
        raise ValueError("The features need a column customer_id.")
    ids = features["customer_id"]
    if ids.null_count() or ids.n_unique() < len(ids):
        raise ValueError("A customer_id is empty or repeated; features are one row a customer.")
    names = [name for name in features.columns if name not in ("customer_id", EVIDENCE)]
    also_read = (pl.Boolean, pl.Null)
    kinds = {name: features.schema[name] for name in names}
    odd = [n for n, kind in kinds.items() if not (kind.is_numeric() or kind in also_read)]
    if odd:
        raise ValueError(f"Features must be numbers; these are not: {', '.join(odd)}.")
    if {"cluster_id", "persona"} & set(names):
        raise ValueError(
            "A feature cannot be called cluster_id or persona: the answer's columns are."
        )
    if not names:
        raise ValueError("The features need at least one numeric column beside customer_id.")
    return sorted(names)


def _read_values(features: pl.DataFrame, names: list[str]) -> Floats:
    """Replaces nulls, NaN and infinities with the median of the other values, or with 0 if there
    are none."""
    number = pl.col(names).cast(pl.Float64)
    known = features.select(pl.when(number.is_finite()).then(number))
    return known.with_columns(pl.all().fill_null(pl.all().median()).fill_null(0.0)).to_numpy()


def _read_weights(features: pl.DataFrame) -> Floats:
    if EVIDENCE not in features.columns:
        return np.ones(features.height)
    weights = features[EVIDENCE].cast(pl.Float64).fill_null(0.0).fill_nan(0.0).to_numpy()
    if len(weights) and (weights.min() < 0.0 or not np.isfinite(weights).all()):
        raise ValueError("The column evidence holds weights: they cannot be below 0 or infinite.")
    return weights if weights.sum() > 0 else np.ones(features.height)


def _log(values: Floats) -> Floats:
    """log(1 + x); a few negative values, such as net refunds, are mirrored."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _fit_scale(values: Floats, weights: Floats) -> Scale:
    """Takes the logarithm of a feature if it is skewed to the right and less skewed afterwards."""
    if not len(values):
        nothing = np.zeros(values.shape[1])
        return Scale(nothing.astype(bool), nothing, nothing)
    mean, spread, skewness = _describe(values, weights)
    logged_mean, logged_spread, logged_skewness = _describe(_log(values), weights)
    is_logged = (skewness > SKEWED) & (np.abs(logged_skewness) < skewness)
    return Scale(
        is_logged,
        np.where(is_logged, logged_mean, mean),
        np.where(is_logged, logged_spread, spread),
    )


def _describe(values: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns weighted mean, standard deviation and skewness. Values that differ only by rounding
    count as equal."""
    mean = np.average(values, axis=0, weights=weights)
    gaps = values - mean
    spread = np.sqrt(np.average(gaps**2, axis=0, weights=weights))
    spread[spread <= 1e-9 * (1.0 + np.abs(mean))] = 0.0
    third = np.average(gaps**3, axis=0, weights=weights)
    skewness = np.divide(third, spread**3, out=np.zeros_like(third), where=spread > 0)
    return mean, spread, skewness


def _fit_centres(points: Floats, weights: Floats, k: int, rng: np.random.Generator) -> Floats:
    if not len(points):
        return np.zeros((0, points.shape[1]))
    k = min(k, _count_distinct(points[weights > 0], k))
    sample = np.arange(len(points))
    if len(points) > FITTED_FIRST:
        sample = np.sort(rng.choice(len(points), FITTED_FIRST, replace=False))
    chances = draw_chances(rng, k, STARTS)
    begun = run_kmeans(points[sample], weights[sample][None], chances).centres
    centres = improve_centres(points, weights[None], begun).centres[0]
    used = np.unique(find_nearest(points, centres[None])[0])
    return np.asarray(np.round(centres[used], 9))


def _count_distinct(points: Floats, enough: int) -> int:
    """Counts the distinct points; if the first 1000 have enough of them, counts only those."""
    few = len(np.unique(points[:1000], axis=0))
    return few if few >= enough else len(np.unique(points, axis=0))


def _name_clusters(
    centres: Floats, names: list[str], scale: Scale, previous: pl.DataFrame | None
) -> tuple[Ints, list[str]]:
    """Returns a number and a name for each centre: the previous ones if given, else the personas'
    if the features tell them apart, else neutral ones."""
    by_value = np.argsort(np.argsort(-centres.mean(axis=1), kind="stable"), kind="stable")
    matched: list[int | None]
    if previous is not None and set(names) <= set(previous.columns) and not previous.is_empty():
        taken = dict(zip(previous["cluster_id"].to_list(), previous["persona"], strict=True))
        earlier = scale.standardise(previous.select(names).cast(pl.Float64).to_numpy())
        matched = [
            None if row is None else int(previous["cluster_id"][row])
            for row in match_rows(centres, earlier)
        ]
    elif can_tell_personas(names):
        taken = dict(enumerate(PERSONAS, 1))
        matched = [None if p is None else p + 1 for p in match_personas(centres, names)]
    else:
        taken, matched = {}, [None] * len(centres)
    free = iter(n for n in range(1, len(centres) + len(taken) + 1) if n not in taken)
    for cluster in np.argsort(by_value):
        if matched[cluster] is None:
            matched[cluster] = next(free)
    numbers = np.array(matched, dtype=np.int64)
    return numbers, [str(taken.get(int(n), f"Segment {n}")) for n in numbers]
