"""Prepares what a resolution keeps for the next one, and finds the customers who changed."""

import polars as pl

from c360_dagster.identity.forms import FEATURES
from c360_dagster.identity.memory import SCHEMAS, Memory
from c360_dagster.identity.model import Model
from c360_dagster.identity.recall import Recalled, grouping_of
from c360_dagster.identity.records import KEY
from c360_dagster.identity.reviewing import Overrules
from c360_dagster.identity.rules import Rules


def remember_records(
    memory: Memory, identities: pl.DataFrame, recalled: Recalled, overrules: Overrules
) -> pl.DataFrame:
    """Returns the records of now, in their order, and then those that are gone.

    The order matters because links name records by position.
    """
    is_decided = pl.zeros(identities.height, dtype=pl.Boolean, eager=True)
    present = identities.with_columns(
        pl.lit(value=True).alias("is_present"),
        is_decided.scatter(overrules.records, values=True).alias("is_decided"),
        recalled.fingerprints,
        recalled.contents,
        *(recalled.forms[name] for name in FEATURES),
    ).select(list(SCHEMAS["records"]))
    gone = _find_gone(memory, recalled).select(
        *KEY, "customer_id", pl.lit(value=False).alias("is_present")
    )
    return pl.concat([present, gone.sort(KEY)], how="diagonal")


def remember_model(model: Model, rules: Rules) -> pl.DataFrame:
    return pl.DataFrame({"text": [model.to_json()], "grouping": [grouping_of(rules)]})


def find_changed(memory: Memory, identities: pl.DataFrame, recalled: Recalled) -> pl.Series:
    """Returns the customers with a record that came, went, changed or has another customer now."""
    then = memory.records.select(
        pl.col("customer_id", "content", "is_present").gather(recalled.memory_places)
    ).with_columns(recalled.contents.alias("now"), identities["customer_id"].alias("has"))
    is_same = (
        pl.col("is_present")
        & (pl.col("content") == pl.col("now"))
        & (pl.col("customer_id") == pl.col("has"))
    )
    other = then.filter(~is_same.fill_null(value=False))
    gone = _find_gone(memory, recalled).filter("is_present")
    return (
        pl.concat([other["customer_id"], other["has"], gone["customer_id"]])
        .drop_nulls()
        .unique()
        .sort()
    )


def _find_gone(memory: Memory, recalled: Recalled) -> pl.DataFrame:
    """Returns the remembered records that are no longer there."""
    return memory.records.filter(pl.Series(recalled.current_positions < 0, dtype=pl.Boolean))
