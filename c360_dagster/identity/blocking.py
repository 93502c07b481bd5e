"""Chooses the pairs worth comparing: those that agree on one of several selective keys.

If more records share a value than its key's limit, it yields no pairs: common values say little.
"""

from dataclasses import dataclass

import polars as pl

_HASHED = {
    **{
        name: pl.col(name)
        for name in ("email", "phone", "rest", "given", "last", "dob", "zip", "city", "street")
    },
    "long user": pl.when(pl.col("user").str.len_bytes() >= 6).then("user"),
    "birth month": pl.col("dob").str.head(7),
    "birth year": pl.col("dob").str.head(4),
    "initial": pl.col("first").str.head(1),
    "last's start": pl.col("last").str.head(3),
    "rest's start": pl.col("rest").str.head(2),
}


@dataclass(frozen=True)
class Key:
    """What two records must agree on.

    `names` says on which names: `both` is first and last name in any order, `either` is one name,
    no matter whether it is the first or the last.
    """

    parts: tuple[str, ...]
    limit: int
    names: str = ""

    def of(self, hashed: pl.DataFrame) -> pl.DataFrame:
        return self.find(hashed.lazy()).collect()

    def find(self, hashed: pl.LazyFrame) -> pl.LazyFrame:
        """Returns the records that have all parts, with their keys."""
        given, last = pl.col("given"), pl.col("last")
        starts = {
            "both": [given + last],
            # If both names are equal, one key is enough.
            "either": [given, pl.when((given != last).fill_null(value=True)).then(last)],
        }.get(self.names, [pl.lit(0, pl.UInt64)])
        return pl.concat([self._combine(hashed, start) for start in starts])

    def _combine(self, hashed: pl.LazyFrame, start: pl.Expr) -> pl.LazyFrame:
        key = start
        for number, part in enumerate(self.parts):
            key = key ^ (pl.col(part) * (2 * number + 3))
        return hashed.select(key.alias("key")).with_row_index("at").drop_nulls()


def _key(*parts: str, limit: int = 50, names: str = "") -> Key:
    return Key(parts, limit, names)


KEYS = (
    _key("email", limit=200),
    _key("phone", limit=200),
    _key("long user", limit=12),
    _key("rest", limit=8),
    _key("dob", names="either"),
    _key("birth month", names="either", limit=8),
    _key("birth year", names="either", limit=8),
    _key("city", names="either", limit=6),
    _key(names="either", limit=8),
    _key("dob", "zip"),
    _key("dob", "city", limit=20),
    _key("dob", limit=12),
    _key("birth month", "city", limit=6),
    _key("zip", names="both"),
    _key("city", names="both"),
    _key("birth year", names="both"),
    _key("rest's start", names="both", limit=20),
    _key(names="both", limit=8),
    _key("given", "city", "last's start", limit=20),
    _key("last", "zip", "initial", limit=20),
    _key("street", "zip", limit=12),
    _key("street", "last", limit=20),
)


def hash_parts(features: pl.DataFrame) -> pl.DataFrame:
    """Returns a number for each part of the keys, so that each is hashed once for all keys."""
    return features.select(
        pl.when(part.is_not_null()).then(part.hash(360)).alias(name)
        for name, part in _HASHED.items()
    )


def scale_limits(records: int) -> int:
    """Returns the factor for the keys' limits: up to 5 for little data, which can afford more."""
    return max(1, min(5, 10_000 // max(records, 1)))


def find_pairs(features: pl.DataFrame, scale: int) -> pl.DataFrame:
    """Returns the positions (left < right) of all pairs worth comparing."""
    hashed, found = hash_parts(features), [_NO_PAIRS]
    for key in KEYS:
        members = key.of(hashed).filter(pl.len().over("key").is_between(2, key.limit * scale))
        met = members.join(members, on="key").filter(pl.col("at") < pl.col("at_right"))
        found.append(_pack_pairs(met))
    return _unpack_pairs(found)


def find_new_pairs(
    features: pl.DataFrame, scale: int, touched: pl.Series, removed: pl.DataFrame
) -> tuple[pl.DataFrame, pl.Series]:
    """Returns the pairs of touched records with all others, and the positions of all touched ones.

    `removed` holds the former features of records that are gone or changed. If the number of
    records that share a key has thereby crossed its limit, up or down, they are touched as well.
    """
    hashed, went = hash_parts(features), hash_parts(removed)
    changed = _find_changed_values(hashed, hashed[touched], went)
    flipped = pl.concat(
        [
            members.join(
                now.filter(
                    (pl.col("len") > key.limit * scale) != (pl.col("then") > key.limit * scale)
                ),
                on="key",
                how="semi",
            )["at"]
            for key, (members, now) in zip(KEYS, changed, strict=True)
        ]
    )
    everyone = pl.concat([touched, flipped]).unique().sort()
    if len(everyone) > len(touched):
        changed = _find_changed_values(hashed, hashed[everyone], went)
    found = [_NO_PAIRS]
    for key, (members, now) in zip(KEYS, changed, strict=True):
        small = members.join(now.filter(pl.col("len") <= key.limit * scale), on="key", how="semi")
        own = small.filter(pl.col("at").is_in(everyone.implode()))
        found.append(
            _pack_pairs(own.join(small, on="key").filter(pl.col("at") != pl.col("at_right")))
        )
    return _unpack_pairs(found), everyone


def _find_changed_values(
    hashed: pl.DataFrame, added: pl.DataFrame, removed: pl.DataFrame
) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """Returns for each key the records with a value that came or went, and the counts of these
    values now and before.
    """
    moved = [(key.of(added)["key"], key.of(removed)["key"]) for key in KEYS]
    listed = [
        key.find(hashed.lazy()).filter(pl.col("key").is_in(pl.concat(both).unique().implode()))
        for key, both in zip(KEYS, moved, strict=True)
    ]
    members = pl.collect_all(listed)
    return [
        (each, _count(each, came, went)) for each, (came, went) in zip(members, moved, strict=True)
    ]


def _count(members: pl.DataFrame, came: pl.Series, went: pl.Series) -> pl.DataFrame:
    """Returns how many records have each value now, and how many had it before the change."""
    now = members.group_by("key").agg(pl.len().cast(pl.Int64))
    by = pl.concat([came.to_frame().with_columns(by=-1), went.to_frame().with_columns(by=1)])
    counts = now.join(by.group_by("key").agg(pl.col("by").sum()), on="key")
    return counts.select("key", "len", (pl.col("len") + pl.col("by")).alias("then"))


_NO_PAIRS = pl.DataFrame(schema={"pair": pl.UInt64})


def _pack_pairs(met: pl.DataFrame) -> pl.DataFrame:
    """Packs two positions into one number, with the lower one in front."""
    left, right = pl.min_horizontal("at", "at_right"), pl.max_horizontal("at", "at_right")
    return met.select((left.cast(pl.UInt64) * 2**32 + right).alias("pair"))


def _unpack_pairs(found: list[pl.DataFrame]) -> pl.DataFrame:
    """Returns each pair once, as two positions again."""
    pairs = pl.concat(found).unique().sort("pair")
    return pairs.select(
        (pl.col("pair") // 2**32).cast(pl.UInt32).alias("left"),
        (pl.col("pair") % 2**32).cast(pl.UInt32).alias("right"),
    )
