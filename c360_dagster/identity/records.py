"""The raw records: their order, the columns that they need, and hashes that reveal changes."""

import numpy as np
import polars as pl

KEY = ["source_system", "source_id"]
ATTRIBUTES = [
    "first_name",
    "last_name",
    "email",
    "phone",
    "date_of_birth",
    "address_line1",
    "city",
    "state",
    "zip_code",
    "gender",
    "registered_at",
]
COMPARED = [name for name in ATTRIBUTES if name != "gender"]
"""The attributes that matching uses. Gender is not one of them: it only goes to golden records."""


class RecordsError(ValueError):
    """Raised for records that cannot be resolved. The message says which ones and what to do."""


def order_records(records: pl.DataFrame) -> pl.DataFrame:
    """Returns the records sorted by key, with every attribute as a column, and checks the keys."""
    missing = [name for name in KEY if name not in records.columns]
    if missing:
        raise RecordsError(f"The records lack {' and '.join(missing)}: every record needs its key.")
    absent = [pl.lit(None, pl.String).alias(n) for n in ATTRIBUTES if n not in records.columns]
    # A column without any value has no type, so it becomes text like the others.
    blank = [pl.col(n).cast(pl.String) for n, t in records.schema.items() if t == pl.Null]
    keys = [pl.col(name).cast(pl.String) for name in KEY]
    ordered = records.with_columns(*keys, *absent, *blank)
    if ordered.select(pl.any_horizontal(pl.col(KEY).is_null()).any()).item():
        raise RecordsError("A record has no source_system or no source_id: give it one.")
    if not _is_ordered(ordered):
        ordered = ordered.sort(KEY)
    repeated = ordered.filter(pl.all_horizontal(pl.col(KEY) == pl.col(KEY).shift()))
    if repeated.height:
        system, key = repeated.select(KEY).row(0)
        raise RecordsError(f"{system}:{key} is there twice: pass one row per record.")
    return ordered


def _is_ordered(records: pl.DataFrame) -> bool:
    """Says whether the records are sorted by key.

    Asked before sorting, because sorting a million sorted records costs as much as any other.
    """
    system, name = (pl.col(each) for each in KEY)
    rises = (system > system.shift()) | ((system == system.shift()) & (name >= name.shift()))
    return bool(records.select(rises.all()).item())


def fingerprint(records: pl.DataFrame) -> pl.Series:
    """Returns a number for each record that changes when anything that is compared does."""
    texts = [pl.col(name).cast(pl.String) for name in COMPARED]
    return records.select(pl.struct(texts).hash(360).alias("fingerprint")).to_series()


def content(records: pl.DataFrame, compared: pl.Series, decided_by: str) -> pl.Series:
    """Returns a number for each record that changes when anything that survives may change.

    `compared` holds the fingerprints. `decided_by` is a text that stands for the rules and the
    code that choose the surviving values.
    """
    others = sorted(name for name in records.columns if name not in {*KEY, *COMPARED})
    texts = [pl.col(name).cast(pl.String) for name in others]
    return (
        records.select(texts)
        .with_columns(compared.alias("compared"), decided_by=pl.lit(decided_by))
        .select(pl.struct(pl.all()).hash(361).alias("content"))
        .to_series()
    )


def hash_keys(records: pl.DataFrame) -> pl.DataFrame:
    """Returns one number for each record's key."""
    return records.select(pl.struct(KEY).hash(362).alias("number"))


def overlay(
    frame: pl.DataFrame, places: pl.Series, at: pl.Series, anew: pl.DataFrame
) -> pl.DataFrame:
    """Returns the frame's rows at `places`, with the rows of `anew` at the positions `at`.

    Does both in one pass, so that texts are copied only once.
    """
    if anew.height == places.len():
        return anew
    numbers = np.arange(frame.height, frame.height + anew.height, dtype=np.uint32)
    chosen = places.cast(pl.UInt32).scatter(at, pl.Series(numbers))
    anew = anew.select(pl.col(name).cast(kind) for name, kind in frame.schema.items())
    return pl.concat([frame, anew]).select(pl.all().gather(chosen))
