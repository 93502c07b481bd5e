"""Compares pairs of records: DuckDB finds each comparison's level, a bounded number at a time."""

from collections.abc import Sequence

import duckdb
import polars as pl

from c360_dagster.identity.model import FREQUENCIES, RAREST, Comparison, Model

PIECE = 400_000
"""The number of pairs compared at a time."""


def compare(
    features: pl.DataFrame, frequencies: pl.DataFrame, pairs: pl.DataFrame, model: Model
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns each pair's levels (-1: unknown) and the frequencies of its left record's values."""
    used = pl.concat([pairs["left"], pairs["right"]]).unique().sort()
    compared = features[used].select(model.columns)
    place = pl.DataFrame({"at": used}).with_row_index("place")
    at = [
        pairs.select(side).join(place, left_on=side, right_on="at", maintain_order="left")["place"]
        for side in ("left", "right")
    ]
    rarity = look_up_frequencies(compared, frequencies, model)[at[0]]
    pieces = [
        _levels(compared, at[0][start : start + PIECE], at[1][start : start + PIECE], model)
        for start in range(0, pairs.height, PIECE)
    ]
    schema = {one.name: pl.Int8 for one in model.comparisons}
    return pl.concat([pl.DataFrame(schema=schema), *pieces]), rarity


def look_up_frequencies(
    features: pl.DataFrame, frequencies: pl.DataFrame, model: Model
) -> pl.DataFrame:
    """Returns the frequencies of each record's values; RAREST for a value not in the table."""
    names = [name for name in FREQUENCIES if name in model.columns]
    if not names:
        return features
    return pl.DataFrame(
        [
            features.select(name)
            .join(
                frequencies.filter(pl.col("field") == name).select("value", "share"),
                left_on=name,
                right_on="value",
                how="left",
                maintain_order="left",
            )["share"]
            .fill_null(RAREST)
            .alias(name)
            for name in names
        ]
    )


def _levels(
    features: pl.DataFrame, left: pl.Series, right: pl.Series, model: Model
) -> pl.DataFrame:
    sides = [
        features[at].rename({name: f"{name}_{side}" for name in features.columns})
        for at, side in ((left, "l"), (right, "r"))
    ]
    pairs = pl.concat([*sides, left.to_frame("order")], how="horizontal").drop("order")
    pairs = pairs.with_row_index("number").to_arrow()
    con = duckdb.connect()
    try:
        con.execute("set enable_progress_bar = false")
        con.register("pairs", pairs)
        found: pl.DataFrame = con.sql(
            f"select number, {write_levels(model.comparisons)} from pairs"
        ).pl()
    finally:
        con.close()
    return found.sort("number").drop("number")


def write_levels(comparisons: Sequence[Comparison]) -> str:
    """Returns SQL columns with the number of the first level that holds, or -1 if unknown."""
    columns = []
    for comparison in comparisons:
        cases = "".join(
            f"when {level.sql} then {number} "
            for number, level in enumerate(comparison.levels)
            if level.sql != "else"
        )
        columns.append(
            f"(case when {comparison.unknown} then -1 {cases}"
            f"else {len(comparison.levels) - 1} end)::tinyint as {comparison.name}"
        )
    return ", ".join(columns)
