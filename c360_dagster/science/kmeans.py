"""Weighted k-means, many runs side by side in plain numpy.

Sums run in a fixed order, so that the same points give the same bits on any number of threads.
"""

from dataclasses import dataclass

import numpy as np

from c360_dagster.science.arrays import Floats, Ints

CANDIDATES = 4
TRIAL_ROUNDS, ROUNDS = 3, 100
CACHED = 32_768
"""Distances computed at a time: few enough to stay in the processor's cache."""
SMALLEST_SQUARED_SHIFT = 1e-8
"""A run ends when no centre moves farther than the square root of this."""


@dataclass(frozen=True)
class Runs:
    centres: Floats
    """Shape: (runs, k, dimensions)."""
    inertia: Floats
    """The weighted sum of squared distances of each run."""


def draw_chances(rng: np.random.Generator, k: int, runs: int) -> Floats:
    """Draws all the random numbers that the runs need, so that they can run in any order."""
    return rng.random((k, runs, CANDIDATES))


def run_kmeans(points: Floats, weights: Floats, chances: Floats) -> Runs:
    """Returns one result for each row of weights. Of several starts, only the one that is ahead
    after a few rounds is finished.

    `chances` must hold draws for the same whole number of starts for each row of weights.
    """
    starts = chances.shape[1] // len(weights)
    repeated = np.repeat(weights, starts, axis=0)
    begun = _seed_centres(points, repeated, chances)
    tried = improve_centres(points, repeated, begun, TRIAL_ROUNDS)
    ahead = np.round(tried.inertia, 9).reshape(-1, starts).argmin(axis=1)
    chosen = np.arange(len(weights)) * starts + ahead
    return improve_centres(points, weights, tried.centres[chosen])


def improve_centres(points: Floats, weights: Floats, centres: Floats, rounds: int = ROUNDS) -> Runs:
    """Runs Lloyd's algorithm: moves the centres to the means of their members until they stop."""
    centres, moving = centres.copy(), np.arange(len(centres))
    for _ in range(rounds):
        nearest, _ = find_nearest(points, centres[moving])
        moved = _average_members(points, weights[moving], nearest, centres[moving])
        shift = ((moved - centres[moving]) ** 2).sum(axis=2).max(axis=1)
        centres[moving] = moved
        moving = moving[shift > SMALLEST_SQUARED_SHIFT]
        if not len(moving):
            break
    _, distance = find_nearest(points, centres)
    return Runs(centres, np.asarray((distance * weights).sum(axis=1)))


def find_nearest(points: Floats, centres: Floats) -> tuple[Ints, Floats]:
    """Returns the nearest centre (the first of equals) and the squared distance to it, for each run
    and point."""
    runs, size = len(centres), len(points)
    nearest, distance = np.empty((runs, size), dtype=np.int64), np.empty((runs, size))
    step = max(CACHED // runs, 1)
    for first in range(0, size, step):
        part = slice(first, first + step)
        nearest[:, part], distance[:, part] = _find_nearest(points[part].T.copy(), centres)
    return nearest, distance


def _find_nearest(points: Floats, centres: Floats) -> tuple[Ints, Floats]:
    """Sums the squares dimension by dimension, so that no library's threads can change the bits."""
    best = np.full((len(centres), points.shape[1]), np.inf)
    nearest = np.zeros(best.shape, dtype=np.int64)
    distance, gap = np.empty(best.shape), np.empty(best.shape)
    for j in range(centres.shape[1]):
        distance.fill(0.0)
        for axis, values in enumerate(points):
            np.subtract(values, centres[:, j, axis, None], out=gap)
            np.multiply(gap, gap, out=gap)
            np.add(distance, gap, out=distance)
        np.copyto(nearest, j, where=distance < best)
        np.minimum(best, distance, out=best)
    return nearest, best


def _average_members(points: Floats, weights: Floats, nearest: Ints, centres: Floats) -> Floats:
    """Returns the means of the members. A centre that lost all its members stays where it was."""
    runs, k, dimensions = centres.shape
    cell = (nearest + np.arange(runs)[:, None] * k).ravel()
    flat = weights.ravel()
    mass = np.bincount(cell, flat, runs * k)
    sums = np.stack(
        [np.bincount(cell, (weights * points[:, d]).ravel(), runs * k) for d in range(dimensions)],
        axis=1,
    )
    means = sums / np.where(mass > 0, mass, 1.0)[:, None]
    kept = np.where(mass[:, None] > 0, means, centres.reshape(runs * k, dimensions))
    return np.asarray(kept.reshape(runs, k, dimensions))


def _seed_centres(points: Floats, weights: Floats, chances: Floats) -> Floats:
    """Seeds by k-means++ (Arthur and Vassilvitskii 2007): the farther a point is from the centres
    so far, the likelier it becomes the next one.

    Each run draws a few such points and takes the one that leaves the least distance in all.
    """
    runs, dimensions = len(weights), points.shape[1]
    centres = np.empty((runs, len(chances), dimensions))
    distance = np.full(weights.shape, np.inf)
    pull, everyone = weights, np.arange(runs)
    for j, drawn_chances in enumerate(chances):
        reach = np.cumsum(pull, axis=1)
        aims = drawn_chances * reach[:, -1:]
        drawn = np.stack([np.searchsorted(reach[r], aims[r], side="right") for r in range(runs)])
        candidates = points[np.minimum(drawn, len(points) - 1)]
        _, gaps = find_nearest(points, candidates.reshape(-1, 1, dimensions))
        left = np.minimum(gaps.reshape(runs, CANDIDATES, -1), distance[:, None])
        taken = np.round((left * weights[:, None]).sum(axis=2), 9).argmin(axis=1)
        centres[:, j], distance = candidates[everyone, taken], left[everyone, taken]
        pull = weights * distance
    return centres
