"""Which pairs are worth comparing: those that agree on one of several selective keys.

A key that more records share than its limit finds no pairs: common values say little.
"""

from dataclasses import dataclass

import polars as pl

_GIVEN_LAST = (pl.min_horizontal("given", "last"), pl.max_horizontal("given", "last"))


@dataclass(frozen=True)
class Key:
    """What two records must agree in; with `either`, in one of the two names, whichever it is."""

    parts: tuple[pl.Expr, ...]
    limit: int
    either: bool = False

    def of(self, features: pl.DataFrame) -> pl.DataFrame:
        """Numbers of the records that have all parts, and their keys."""
        names = [(pl.col("given"),), (pl.col("last"),)] if self.either else [()]
        found = [self._hash(features, (*name, *self.parts)) for name in names]
        return pl.concat(found).unique() if self.either else found[0]

    def _hash(self, features: pl.DataFrame, parts: tuple[pl.Expr, ...]) -> pl.DataFrame:
        known = pl.all_horizontal(part.is_not_null() for part in parts)
        named = [part.alias(str(number)) for number, part in enumerate(parts)]
        key = pl.when(known).then(pl.struct(named).hash(360)).alias("key")
        return features.select(key).with_row_index("at").drop_nulls()


def _key(*parts: str | pl.Expr, limit: int = 50, either: bool = False) -> Key:
    return Key(tuple(pl.col(p) if isinstance(p, str) else p for p in parts), limit, either)


def _start(name: str, letters: int) -> pl.Expr:
    return pl.col(name).str.head(letters)


KEYS = (
    _key("email", limit=200),
    _key("phone", limit=200),
    _key(pl.when(pl.col("user").str.len_bytes() >= 6).then("user"), limit=12),
    _key("rest", limit=8),
    _key("dob", either=True),
    _key(_start("dob", 7), either=True, limit=8),
    _key(_start("dob", 4), either=True, limit=8),
    _key("city", either=True, limit=12),
    _key(either=True, limit=8),
    _key("dob", "zip"),
    _key("dob", "city", limit=20),
    _key("dob", limit=12),
    _key("city", _start("dob", 7), limit=12),
    _key(*_GIVEN_LAST, "zip"),
    _key(*_GIVEN_LAST, "city"),
    _key(*_GIVEN_LAST, _start("dob", 4)),
    _key(*_GIVEN_LAST, _start("rest", 2), limit=20),
    _key(*_GIVEN_LAST, limit=12),
    _key("given", "city", _start("last", 3), limit=20),
    _key("last", "zip", _start("first", 1), limit=20),
    _key("street", "zip", limit=12),
    _key("street", "last", limit=20),
)


def scale_limits(records: int) -> int:
    """Little data can afford more: its keys may be shared by up to five times as many."""
    return max(1, min(5, 10_000 // max(records, 1)))


def find_pairs(
    features: pl.DataFrame, scale: int, touched: pl.Series | None = None
) -> pl.DataFrame:
    """Positions (left < right) of records worth comparing; of those touched only, if given."""
    empty = pl.DataFrame(schema={"left": pl.UInt32, "right": pl.UInt32})
    found = [empty, *(_pairs_of(key.of(features), key.limit * scale, touched) for key in KEYS)]
    return pl.concat(found).unique().sort("left", "right")


def _pairs_of(members: pl.DataFrame, limit: int, touched: pl.Series | None) -> pl.DataFrame:
    if touched is None:
        own = members = members.filter(pl.len().over("key").is_between(2, limit))
    else:
        own = members.filter(pl.col("at").is_in(touched.implode()))
        members = members.filter(pl.col("key").is_in(own["key"].unique().implode()))
        members = members.filter(pl.len().over("key").is_between(2, limit))
    met = own.join(members, on="key").filter(pl.col("at") != pl.col("at_right"))
    if touched is None:
        met = met.filter(pl.col("at") < pl.col("at_right"))
    return met.select(
        pl.min_horizontal("at", "at_right").alias("left"),
        pl.max_horizontal("at", "at_right").alias("right"),
    )


def find_flipped(
    before: pl.DataFrame, after: pl.DataFrame, changed: pl.DataFrame, scale: int
) -> pl.Series:
    """Positions in `after` of records whose keys passed their limit in either direction.

    `changed` holds the features, old and new, of the records that were added, changed or removed.
    """
    flipped = []
    for key in KEYS:
        now, own = key.of(after), key.of(changed)["key"].unique()
        counts = own.to_frame().join(_count(now, own), on="key", how="left").join(
            _count(key.of(before), own), on="key", how="left", suffix="_then"
        ).fill_null(0)  # fmt: skip
        limit = key.limit * scale
        passed = counts.filter((pl.col("len") > limit) != (pl.col("len_then") > limit))
        flipped.append(now.join(passed, on="key", how="semi")["at"])
    return pl.concat(flipped).unique().sort()


def _count(members: pl.DataFrame, own: pl.Series) -> pl.DataFrame:
    return members.filter(pl.col("key").is_in(own.implode())).group_by("key").len()
