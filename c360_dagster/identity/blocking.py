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


def find_pairs(features: pl.DataFrame, scale: int) -> pl.DataFrame:
    """Positions (left < right) of all records worth comparing."""
    found = [_NONE]
    for key in KEYS:
        members = key.of(features).filter(pl.len().over("key").is_between(2, key.limit * scale))
        met = members.join(members, on="key").filter(pl.col("at") < pl.col("at_right"))
        found.append(_couple(met))
    return _distinct(found)


def find_new_pairs(
    features: pl.DataFrame, scale: int, touched: pl.Series, removed: pl.DataFrame
) -> tuple[pl.DataFrame, pl.Series]:
    """Pairs of the touched records with all others, and the positions of everyone touched.

    `removed` holds the former features of whatever is gone or has changed. A key may thereby have
    passed its limit, in either direction: then whoever has it is touched as well.
    """
    met = [_meet(key, features, features[touched], removed) for key in KEYS]
    flipped = pl.concat([
        members.join(now.filter((pl.col("len") > key.limit * scale) != (pl.col("then") > key.limit * scale)), on="key", how="semi")["at"]
        for key, (members, now) in zip(KEYS, met, strict=True)
    ])  # fmt: skip
    everyone = pl.concat([touched, flipped]).unique().sort()
    if len(everyone) > len(touched):
        met = [_meet(key, features, features[everyone], removed.head(0)) for key in KEYS]
    found = [_NONE]
    for key, (members, now) in zip(KEYS, met, strict=True):
        small = members.join(now.filter(pl.col("len") <= key.limit * scale), on="key", how="semi")
        own = small.filter(pl.col("at").is_in(everyone.implode()))
        found.append(_couple(own.join(small, on="key").filter(pl.col("at") != pl.col("at_right"))))
    return _distinct(found), everyone


def _meet(
    key: Key, features: pl.DataFrame, added: pl.DataFrame, removed: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Whoever has one of the keys that came or went, and how many have each now and had then."""
    came, went = key.of(added), key.of(removed)
    own = pl.concat([came["key"], went["key"]]).unique()
    members = key.of(features).filter(pl.col("key").is_in(own.implode()))
    counts = members.group_by("key").len().join(
        came.group_by("key").len(), on="key", how="left", suffix="_came"
    ).join(went.group_by("key").len(), on="key", how="left", suffix="_went").fill_null(0)  # fmt: skip
    signed = {name: pl.col(name).cast(pl.Int64) for name in ("len", "len_came", "len_went")}
    then = signed["len"] - signed["len_came"] + signed["len_went"]
    return members, counts.select("key", "len", then.alias("then"))


_NONE = pl.DataFrame(schema={"pair": pl.UInt64})


def _couple(met: pl.DataFrame) -> pl.DataFrame:
    """Two positions as one number, the lower one in front."""
    left, right = pl.min_horizontal("at", "at_right"), pl.max_horizontal("at", "at_right")
    return met.select((left.cast(pl.UInt64) * 2**32 + right).alias("pair"))


def _distinct(found: list[pl.DataFrame]) -> pl.DataFrame:
    pairs = pl.concat(found).unique().sort("pair")
    return pairs.select(
        (pl.col("pair") // 2**32).cast(pl.UInt32).alias("left"),
        (pl.col("pair") % 2**32).cast(pl.UInt32).alias("right"),
    )
