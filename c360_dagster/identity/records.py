"""The raw records: their fixed order, the columns they need, and hashes that show a change."""

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
"""What can decide who is who: a gender only survives, or does not."""


class RecordsError(ValueError):
    """Records that cannot be resolved; the message says which and what to do."""


def order_records(records: pl.DataFrame) -> pl.DataFrame:
    """The records in their one order, with every attribute there, keys checked."""
    missing = [name for name in KEY if name not in records.columns]
    if missing:
        raise RecordsError(f"The records lack {' and '.join(missing)}: every record needs its key.")
    absent = [pl.lit(None, pl.String).alias(n) for n in ATTRIBUTES if n not in records.columns]
    # A column without any value carries no type; it is text like the others.
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
    """Sorting a million that are in order already costs as much as any million."""
    system, name = (pl.col(each) for each in KEY)
    rises = (system > system.shift()) | ((system == system.shift()) & (name >= name.shift()))
    return bool(records.select(rises.all()).item())


def fingerprint(records: pl.DataFrame) -> pl.Series:
    """A number that changes when anything that is compared does."""
    texts = [pl.col(name).cast(pl.String) for name in COMPARED]
    return records.select(pl.struct(texts).hash(360).alias("fingerprint")).to_series()


def content(records: pl.DataFrame, compared: pl.Series, decided_by: str) -> pl.Series:
    """A number that changes when anything about a record does, or what decides who survives."""
    others = sorted(name for name in records.columns if name not in {*KEY, *COMPARED})
    texts = [pl.col(name).cast(pl.String) for name in others]
    return (
        records.select(texts)
        .with_columns(compared.alias("compared"), decided_by=pl.lit(decided_by))
        .select(pl.struct(pl.all()).hash(361).alias("content"))
        .to_series()
    )


def hash_keys(records: pl.DataFrame) -> pl.DataFrame:
    """A number for each record's key."""
    return records.select(pl.struct(KEY).hash(362).alias("number"))


def overlay(
    frame: pl.DataFrame, places: pl.Series, at: pl.Series, anew: pl.DataFrame
) -> pl.DataFrame:
    """The frame's rows at these places, with other rows at some positions or at all.

    Both in one pass: texts are copied once.
    """
    if anew.height == places.len():
        return anew
    numbers = np.arange(frame.height, frame.height + anew.height, dtype=np.uint32)
    chosen = places.cast(pl.UInt32).scatter(at, pl.Series(numbers))
    anew = anew.select(pl.col(name).cast(kind) for name, kind in frame.schema.items())
    return pl.concat([frame, anew]).select(pl.all().gather(chosen))
