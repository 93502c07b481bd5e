"""Ranks a person's records: the first is the anchor, from which the person's id comes."""

import polars as pl

from c360_dagster.identity.records import KEY

_PREFIXES = {"crm": "", "workbooks": "wb-"}
ANCHOR_ORDER: list[pl.Expr] = [
    pl.col("source_system") != "crm",
    pl.col("registered").is_null(),
    pl.col("registered"),
    pl.col("source_id"),
    pl.col("source_system"),
]
"""The order of a person's records: crm first, then the earliest registered, then by id."""


def own_id() -> pl.Expr:
    """Returns the id that a record would give its person."""
    system = pl.col("source_system")
    prefix = system.replace_strict(_PREFIXES, default=system + "-", return_dtype=pl.String)
    return (prefix + pl.col("source_id")).alias("own_id")


def rank_records(records: pl.DataFrame) -> pl.Series:
    """Returns each record's place among those of its label, in ANCHOR_ORDER."""
    several = (
        records.select(*KEY, "registered", "label")
        .with_row_index("row")
        .filter(pl.len().over("label") > 1)
        .sort("label", *ANCHOR_ORDER)
    )
    places = several.select(
        "row", pl.int_range(pl.len(), dtype=pl.UInt32).over("label").alias("rank")
    )
    ranks = pl.zeros(records.height, dtype=pl.UInt32, eager=True)
    return ranks.scatter(places["row"], places["rank"]).alias("rank")
