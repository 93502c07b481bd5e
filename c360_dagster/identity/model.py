"""Fellegi and Sunter's model: the fields compared, the levels of agreement and their weights.

A level's weight is log2(m/u). m is the share of pairs on this level among records of one person,
u is the share among strangers.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

RAREST = 2e-5
"""The smallest share at which a value is counted. A rarer value does not weigh more, because two
records may share a misprint."""


@dataclass(frozen=True)
class Level:
    name: str
    sql: str
    m: float
    u: float
    frequency: str | None = None
    """The column whose values adjust the weight: agreeing on a rare value weighs more."""

    @property
    def weight(self) -> float:
        return math.log2(self.m / self.u)


@dataclass(frozen=True)
class Comparison:
    """Levels from the strongest to `different`, which applies if no other level does."""

    name: str
    columns: tuple[str, ...]
    unknown: str
    levels: tuple[Level, ...]

    def number(self, level: str) -> int:
        return [each.name for each in self.levels].index(level)


def _both_unknown(*columns: str) -> str:
    return " and ".join(f"({name}_l is null or {name}_r is null)" for name in columns)


def _typo(column: str, edits: int = 1) -> str:
    """Returns the SQL for at most this many edits.

    Jaro's similarity comes first: it is a hundred times cheaper than Damerau's distance and rules
    most pairs out.
    """
    left, right = f"{column}_l", f"{column}_r"
    return (
        f"(case when jaro_similarity({left}, {right}) >= 0.8"
        f" then damerau_levenshtein({left}, {right}) <= {edits} else false end)"
    )


def _near(column: str, similarity: float) -> str:
    left, right = f"{column}_l", f"{column}_r"
    return (
        f"(jaro_winkler_similarity({left}, {right}) >= {similarity} or "
        f"(least(length({left}), length({right})) >= 4 and {_typo(column)}))"
    )


def _second_name(side: str) -> str:
    return f"substr(first_{side}, length(given_{side}) + 1)"


# Both records have two first names and the second ones differ: `Maria Jose` and `Maria Luisa`. A
# mere initial is ignored. So is a name that begins with a nickname: `given` holds the full name,
# whose length does not tell where the second name begins.
_OTHER_SECOND_NAME = (
    "coalesce(given_l = given_r"
    " and starts_with(first_l, given_l) and starts_with(first_r, given_r)"
    f" and least(length({_second_name('l')}), length({_second_name('r')})) >= 2"
    f" and not contains({_second_name('l')}, {_second_name('r')})"
    f" and not contains({_second_name('r')}, {_second_name('l')})"
    f" and jaro_winkler_similarity({_second_name('l')}, {_second_name('r')}) < 0.8, false)"
)

# Holds even if one of the four names is unknown: first name `Holly` alone against first name
# `Thomson`, last name `Holly`.
_SWAPPED = (
    "coalesce(jaro_winkler_similarity(first_l, last_r) >= 0.9, last_l is not null)"
    " and coalesce(jaro_winkler_similarity(last_l, first_r) >= 0.9, first_l is not null)"
    " and coalesce(first_l <> first_r, true)"
)
_DAY_AND_MONTH_SWAPPED = (
    "(substr(dob_l, 1, 4) = substr(dob_r, 1, 4) and substr(dob_l, 6, 2) = substr(dob_r, 9, 2)"
    " and substr(dob_l, 9, 2) = substr(dob_r, 6, 2))"
)
_TWO_OF_THREE = (
    "(substr(dob_l, 1, 7) = substr(dob_r, 1, 7)"
    " or (substr(dob_l, 6, 5) = substr(dob_r, 6, 5)"
    " and abs(substr(dob_l, 1, 4)::int - substr(dob_r, 1, 4)::int) <= 2)"
    " or (substr(dob_l, 1, 4) = substr(dob_r, 1, 4) and substr(dob_l, 9, 2) = substr(dob_r, 9, 2)))"
)
# Addresses that differ in their digits only are not near: at the same provider the second one most
# likely belongs to a namesake, who had to choose other digits.
_NEAR_EMAIL = (
    "(shape_l <> shape_r and least(length(rest_l), length(rest_r)) >= 3 and "
    f"({_typo('rest').replace('0.8', '0.7')} or {_typo('email', 2)}))"
)
_SAME_TOWN = "(zip_l = zip_r or jaro_winkler_similarity(city_l, city_r) >= 0.92)"

# The first characters of a postcode: all but its last three, but at least three.
_AREA = "substr(zip_l, 1, greatest(3, length(zip_l) - 3))"

# These m and u are used if there is too little data to estimate them from.
COMPARISONS = (
    Comparison(
        "first",
        ("first",),
        _both_unknown("first"),
        (
            Level("exact", "first_l = first_r", 0.8, 0.015, "first"),
            Level("nickname", f"given_l = given_r and not {_OTHER_SECOND_NAME}", 0.05, 0.003),
            Level("swapped", _SWAPPED, 0.02, 1e-5),
            Level("near", f"{_near('first', 0.88)} and not {_OTHER_SECOND_NAME}", 0.08, 0.006),
            Level(
                "part",
                "starts_with(first_l, first_r) or starts_with(first_r, first_l) or "
                "(least(length(first_l), length(first_r)) >= 3 and "
                "(contains(first_l, first_r) or contains(first_r, first_l)))",
                0.02,
                0.005,
            ),
            Level("far", "jaro_winkler_similarity(first_l, first_r) >= 0.7", 0.015, 0.03),
            Level("different", "else", 0.01, 0.94),
        ),
    ),
    Comparison(
        "last",
        ("last",),
        _both_unknown("last"),
        (
            Level("exact", "last_l = last_r", 0.85, 0.002, "last"),
            Level("swapped", _SWAPPED, 0.02, 1e-5),
            Level("near", _near("last", 0.9), 0.08, 0.003),
            Level("different", "else", 0.05, 0.995),
        ),
    ),
    Comparison(
        "dob",
        ("dob",),
        _both_unknown("dob"),
        (
            Level("exact", "dob_l = dob_r", 0.9, 5e-5, "dob"),
            Level("near", f"{_typo('dob')} or {_DAY_AND_MONTH_SWAPPED}", 0.05, 0.0015),
            Level("parts", _TWO_OF_THREE, 0.02, 0.004),
            Level("year", "substr(dob_l, 1, 4) = substr(dob_r, 1, 4)", 0.01, 0.02),
            Level("different", "else", 0.015, 0.975),
        ),
    ),
    Comparison(
        "email",
        ("email",),
        _both_unknown("email"),
        (
            Level("exact", "email_l = email_r", 0.65, 1e-6),
            Level("near", _NEAR_EMAIL, 0.1, 0.003),
            Level("different", "else", 0.25, 0.997),
        ),
    ),
    Comparison(
        "phone",
        ("phone",),
        _both_unknown("phone"),
        (
            Level("exact", "phone_l = phone_r", 0.7, 1e-6),
            Level("near", _typo("phone"), 0.02, 1e-5),
            Level("different", "else", 0.28, 1.0),
        ),
    ),
    Comparison(
        "place",
        ("street", "zip", "city", "state"),
        _both_unknown("street", "zip", "city", "state"),
        (
            Level("street", "street_l = street_r", 0.5, 2e-5, "street"),
            Level(
                "near street",
                f"jaro_winkler_similarity(street_l, street_r) >= 0.9 and {_SAME_TOWN}",
                0.08,
                2e-5,
            ),
            Level("zip", "zip_l = zip_r", 0.1, 0.003, "zip"),
            Level("city", "jaro_winkler_similarity(city_l, city_r) >= 0.92", 0.12, 0.004, "city"),
            Level("area", f"{_AREA} = {_AREA.replace('_l', '_r')}", 0.05, 0.01),
            Level("state", "state_l = state_r", 0.1, 0.07),
            Level("different", "else", 0.05, 0.91),
        ),
    ),
)
FREQUENCIES = ("first", "last", "dob", "street", "zip", "city")


@dataclass(frozen=True)
class Model:
    """The comparisons with their m and u, and everything else that is kept from run to run."""

    comparisons: tuple[Comparison, ...]
    prior: float
    """The probability that two records drawn at random are one person."""
    is_trained: bool
    why: str
    records: int
    """The number of records when the model was made."""
    day_first: bool
    settings: tuple[object, ...] = field(default=())
    scale: int = 1
    """The factor by which the limits of the blocking keys are multiplied."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Model":
        content = json.loads(text)
        comparisons = tuple(
            Comparison(
                **{
                    **one,
                    "columns": tuple(one["columns"]),
                    "levels": tuple(Level(**level) for level in one["levels"]),
                }
            )
            for one in content.pop("comparisons")
        )
        settings = tuple(content.pop("settings"))
        return Model(comparisons=comparisons, settings=settings, **content)

    @property
    def columns(self) -> list[str]:
        """The features that the comparisons read."""
        read = {
            "first": ["first", "given", "last"],
            "last": ["first", "last"],
            "email": ["email", "rest", "shape"],
        }
        own = [read.get(one.name, list(one.columns)) for one in self.comparisons]
        return sorted({name for names in own for name in names})


def choose_comparisons(features: pl.DataFrame) -> tuple[Comparison, ...]:
    """Returns the comparisons with a column that at least a fiftieth of the records fill in."""
    filled = {
        name: 1 - features[name].null_count() / max(features.height, 1) for name in features.columns
    }
    return tuple(one for one in COMPARISONS if max(filled[c] for c in one.columns) >= 0.02)


def count_values(features: pl.DataFrame) -> pl.DataFrame:
    """Returns each value's share of the records that have a value in that column.

    Values that are not more frequent than RAREST are left out.
    """
    counted = [
        features.select(pl.col(name).drop_nulls().value_counts(sort=False))
        .unnest(name)
        .select(
            pl.lit(name).alias("field"),
            pl.col(name).alias("value"),
            (pl.col("count") / pl.col("count").sum()).alias("share"),
        )
        .filter(pl.col("share") > RAREST)
        for name in FREQUENCIES
    ]
    return pl.concat(counted).sort("field", "value")


def weigh(levels: pl.DataFrame, rarity: pl.DataFrame, model: Model) -> pl.Series:
    """Returns each pair's evidence in bits, without the prior. Unknown values count as 0."""
    total = np.zeros(levels.height)
    for comparison in model.comparisons:
        total += weigh_comparison(comparison, levels, rarity)
    return pl.Series("evidence", total.round(6))


def weigh_comparison(
    comparison: Comparison, levels: pl.DataFrame, rarity: pl.DataFrame
) -> NDArray[np.float64]:
    """Returns each pair's evidence from one comparison, in bits."""
    found = levels[comparison.name].to_numpy()
    weights = np.array([level.weight for level in comparison.levels] + [0.0])
    bits: NDArray[np.float64] = weights[found]
    for number, level in enumerate(comparison.levels):
        if level.frequency:
            is_on = found == number
            bits[is_on] += np.log2(level.u / rarity[level.frequency].to_numpy()[is_on])
    return bits


def probability(evidence: pl.Series, prior: float) -> pl.Series:
    odds = math.log2(prior / (1 - prior)) + evidence.to_numpy()
    return pl.Series("probability", (1 / (1 + np.exp2(-odds.clip(-100, 100)))).round(6))


def find_prior(evidence: pl.Series, records: int, start: float) -> float:
    """Returns the share of matches among all pairs.

    Each round takes the mean of the probabilities that follow from the prior as the new prior.
    """
    pairs, bits = records * (records - 1) / 2, evidence.to_numpy()
    prior = start
    for _ in range(30):
        odds = np.exp2((math.log2(prior / (1 - prior)) + bits).clip(-60, 60))
        found = float((odds / (1 + odds)).sum())
        prior = min(max(found, 1.0) / pairs, 0.5)
    return float(f"{prior:.4g}")


def with_parameters(
    comparisons: Sequence[Comparison],
    m: Mapping[str, Sequence[float | None]],
    u: Mapping[str, Sequence[float | None]],
) -> tuple[Comparison, ...]:
    """Returns the comparisons with estimated m and u. A level without an estimate keeps its own."""
    return tuple(
        replace(
            one,
            levels=tuple(
                replace(
                    level,
                    m=_sensible(m.get(one.name, ())[n] if one.name in m else None, level.m),
                    u=_sensible(u.get(one.name, ())[n] if one.name in u else None, level.u),
                )
                for n, level in enumerate(one.levels)
            ),
        )
        for one in comparisons
    )


def _sensible(estimated: float | None, default: float) -> float:
    return default if estimated is None else float(f"{estimated:.6g}")
