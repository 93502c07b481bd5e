"""Counter-based random draws: each number is a hash of the seed, a name and integer keys.

There is no generator with a state, so the same keys give the same draw in any order.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

_STRIDES = tuple(
    np.uint64(odd) for odd in (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xA24BAED4963EE407)
)
_UNIT = 1.0 / (1 << 53)


@dataclass(frozen=True)
class Draws:
    """The random draws of one simulated world."""

    seed: int

    def hash(self, name: str, *keys: ArrayLike) -> Hashes:
        """Returns 64 random bits for each combination of the keys, which broadcast."""
        mixed: Any = np.uint64(_salt(self.seed, name))
        with np.errstate(over="ignore"):
            for key, stride in zip(keys, _STRIDES, strict=False):
                mixed = mixed + np.asarray(key).astype(np.uint64) * stride
        return _mix(np.array(mixed, dtype=np.uint64, ndmin=1))

    def uniform(self, name: str, *keys: ArrayLike) -> Floats:
        """Returns numbers in [0, 1)."""
        return np.asarray((self.hash(name, *keys) >> np.uint64(11)) * _UNIT, dtype=np.float64)

    def integers(self, name: str, low: int, high: int, *keys: ArrayLike) -> Ints:
        """Returns whole numbers from low to high, both included."""
        return low + (self.uniform(name, *keys) * (high - low + 1)).astype(np.int64)

    def normal(self, name: str, *keys: ArrayLike) -> Floats:
        """Returns standard normals (Box and Muller, 1958)."""
        bits = self.hash(name, *keys)
        radius = np.sqrt(-2.0 * np.log(1.0 - (bits >> np.uint64(32)) / 4294967296.0))
        turn = (bits & np.uint64(0xFFFFFFFF)) * (2.0 * np.pi / 4294967296.0)
        return np.asarray(radius * np.cos(turn), dtype=np.float64)

    def exponential(self, name: str, *keys: ArrayLike) -> Floats:
        """Returns exponentially distributed numbers with mean one."""
        return -np.log1p(-self.uniform(name, *keys))

    def pick(self, name: str, weights: ArrayLike, *keys: ArrayLike) -> Ints:
        """Returns indices drawn with the given weights."""
        edges = np.cumsum(np.asarray(weights, dtype=float))
        return np.searchsorted(edges[:-1] / edges[-1], self.uniform(name, *keys), side="right")

    def poisson(self, name: str, mean: Floats, *keys: ArrayLike) -> Ints:
        """Returns Poisson counts by inversion, which works for means below about thirty."""
        draw = self.uniform(name, *keys)
        mean = np.broadcast_to(mean, draw.shape)
        probability = np.exp(-mean)
        cumulated = probability.copy()
        counts = np.zeros(draw.shape, dtype=np.int64)
        for count in range(1, 80):
            above = draw >= cumulated
            if not above.any():
                break
            counts += above
            probability = probability * mean / count
            cumulated += probability
        return counts


def _mix(bits: Hashes) -> Hashes:
    """Applies the finaliser of SplitMix64 (Steele, Lea and Flood, 2014) in place."""
    with np.errstate(over="ignore"):
        bits ^= bits >> np.uint64(30)
        bits *= np.uint64(0xBF58476D1CE4E5B9)
        bits ^= bits >> np.uint64(27)
        bits *= np.uint64(0x94D049BB133111EB)
        bits ^= bits >> np.uint64(31)
    return bits


@cache
def _salt(seed: int, name: str) -> int:
    return int.from_bytes(blake2b(f"{seed}:{name}".encode(), digest_size=8).digest(), "little")


def scramble(numbers: Ints, bits: int) -> Ints:
    """Maps the numbers below 2**bits one to one, so that ids reveal nothing."""
    mask = np.uint64((1 << bits) - 1)
    half = np.uint64(bits // 2)
    mixed = numbers.astype(np.uint64) ^ (np.uint64(0x5DEECE66D2B79F8A) & mask)
    with np.errstate(over="ignore"):
        for odd in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9):
            mixed = (mixed * np.uint64(odd)) & mask
            mixed ^= mixed >> half
    return mixed.astype(np.int64)
