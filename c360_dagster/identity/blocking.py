"""Which pairs are worth comparing: those that agree on one of several selective keys.

A key that more records share than its limit finds no pairs: common values say little.
"""

from dataclasses import dataclass

import polars as pl

_GIVEN_LAST = (pl.min_horizontal("given", "last"), pl.max_horizontal("given", "last"))


@dataclass(frozen=True)
class Key:
    parts: tuple[pl.Expr, ...]
    limit: int

    def of(self, features: pl.DataFrame) -> pl.Series:
        """A number for each record, null where a part is unknown."""
        known = pl.all_horizontal(part.is_not_null() for part in self.parts)
        named = [part.alias(str(number)) for number, part in enumerate(self.parts)]
        return features.select(
            pl.when(known).then(pl.struct(named).hash(360)).alias("key")
        ).to_series()


def _key(*parts: str | pl.Expr, limit: int = 50) -> Key:
    return Key(tuple(pl.col(p) if isinstance(p, str) else p for p in parts), limit)


def _start(name: str, letters: int) -> pl.Expr:
    return pl.col(name).str.head(letters)


KEYS = (
    _key("email", limit=200),
    _key("phone", limit=200),
    _key(pl.when(pl.col("user").str.len_bytes() >= 6).then("user"), limit=12),
    _key("given", "dob"),
    _key("last", "dob"),
    _key("dob", "zip"),
    _key("dob", "city", limit=20),
    _key("dob", limit=12),
    _key(*_GIVEN_LAST, "zip"),
    _key(*_GIVEN_LAST, "city"),
    _key(*_GIVEN_LAST, _start("dob", 4)),
    _key(*_GIVEN_LAST, _start("rest", 2), limit=20),
    _key(*_GIVEN_LAST, limit=12),
    _key("given", "city", _start("last", 3), limit=20),
    _key("last", "zip", _start("first", 1), limit=20),
    _key("street", "zip", limit=12),
    _key("street", "last", limit=20),
    _key("rest", limit=8),
    _key("last", "city", limit=12),
    _key("given", "city", limit=12),
    _key("last", _start("dob", 4), limit=12),
    _key("given", _start("dob", 4), limit=12),
    _key("city", _start("dob", 7), limit=12),
    _key("last", limit=8),
)


def find_pairs(features: pl.DataFrame, touched: pl.Series | None = None) -> pl.DataFrame:
    """Positions (left < right) of records worth comparing; of those touched only, if given."""
    empty = pl.DataFrame(schema={"left": pl.UInt32, "right": pl.UInt32})
    found = [empty, *(_pairs_of(key.of(features), key.limit, touched) for key in KEYS)]
    return pl.concat(found).unique().sort("left", "right")


def _pairs_of(keys: pl.Series, limit: int, touched: pl.Series | None) -> pl.DataFrame:
    members = keys.to_frame().with_row_index("at").drop_nulls()
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


def find_flipped(before: pl.DataFrame, after: pl.DataFrame, changed: pl.DataFrame) -> pl.Series:
    """Positions in `after` of records whose keys passed their limit in either direction.

    `changed` holds the features, old and new, of the records that were added, changed or removed.
    """
    flipped = []
    for key in KEYS:
        now, own = key.of(after), key.of(changed).unique().drop_nulls()
        then = key.of(before)
        counts_now = _count(now, own)
        counts_then = _count(then, own)
        both = (
            own.to_frame("key")
            .join(counts_now, on="key", how="left")
            .join(counts_then, on="key", how="left", suffix="_then")
            .fill_null(0)
        )
        passed = both.filter((pl.col("len") > key.limit) != (pl.col("len_then") > key.limit))
        if passed.height:
            at = now.to_frame("key").with_row_index("at")
            flipped.append(at.filter(pl.col("key").is_in(passed["key"].implode()))["at"])
    return pl.concat(flipped).unique().sort() if flipped else pl.Series([], dtype=pl.UInt32)


def _count(keys: pl.Series, own: pl.Series) -> pl.DataFrame:
    return keys.to_frame("key").filter(pl.col("key").is_in(own.implode())).group_by("key").len()
