"""Writes the memory of a call and reads the links of the last one back."""

from typing import Protocol

import numpy as np
import polars as pl

from c360_dagster.identity.ids import Registry
from c360_dagster.identity.links import SCHEMA
from c360_dagster.identity.memory import SCHEMAS, Memory
from c360_dagster.identity.model import Model
from c360_dagster.identity.recall import Recalled
from c360_dagster.identity.records import FEATURES, KEY


class _Compared(Protocol):
    @property
    def links(self) -> pl.DataFrame: ...
    @property
    def model(self) -> Model: ...
    @property
    def frequencies(self) -> pl.DataFrame: ...


def recall_links(memory: Memory, records: pl.DataFrame, touched: pl.Series) -> pl.DataFrame:
    """Remembered links between records that are both still there and unchanged."""
    positions = records.select(KEY).with_row_index("at")
    still = positions.filter(~pl.col("at").is_in(touched.implode()))
    links = memory.links
    for side in ("left", "right"):
        own = still.select(
            pl.col("source_system").alias(f"{side}_system"),
            pl.col("source_id").alias(f"{side}_id"),
            pl.col("at").alias(side),
        )
        links = links.join(own, on=[f"{side}_system", f"{side}_id"])
    return links.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def remember(
    memory: Memory,
    identities: pl.DataFrame,
    recalled: Recalled,
    compared: _Compared,
    registry: Registry,
) -> Memory:
    present = identities.select(*KEY, "customer_id").with_columns(
        pl.lit(value=True).alias("is_present"),
        recalled.fingerprints,
        recalled.contents,
        *(recalled.forms[name] for name in FEATURES),
    )
    gone = memory.records.filter(_is_gone(memory, recalled.was)).with_columns(
        pl.lit(value=False).alias("is_present"),
        pl.lit(None, pl.UInt64).alias("fingerprint"),
        pl.lit(None, pl.UInt64).alias("content"),
        *(pl.lit(None, kind).alias(name) for name, kind in FEATURES.items()),
    )
    records = pl.concat([present, gone]).sort(KEY) if gone.height else present
    return Memory(
        records=records.select(list(SCHEMAS["records"])),
        links=_name_links(compared.links, identities),
        ids=registry.ids,
        former=registry.former,
        model=pl.DataFrame({"text": [compared.model.to_json()]}),
        frequencies=compared.frequencies,
    )


def find_changed(memory: Memory, identities: pl.DataFrame, recalled: Recalled) -> pl.Series:
    """The customers of whom a record came, went, changed or moved to another customer."""
    was, then, now = recalled.was, memory.records, identities["customer_id"]
    before = then["customer_id"].gather(was)
    same = (then["content"].gather(was) == recalled.contents) & (before == now)
    other = ~(same & then["is_present"].gather(was)).fill_null(value=False)
    left = then["customer_id"].filter(_is_gone(memory, was) & then["is_present"])
    return pl.concat([now.filter(other), before.filter(other), left]).drop_nulls().unique().sort()


def _is_gone(memory: Memory, was: pl.Series) -> pl.Series:
    """Which remembered records are no longer there."""
    met = np.zeros(memory.records.height, dtype=bool)
    met[was.drop_nulls().to_numpy()] = True
    return pl.Series(~met)


def _name_links(links: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    ends = [
        records[KEY][links[side]].rename(
            {"source_system": f"{side}_system", "source_id": f"{side}_id"}
        )
        for side in ("left", "right")
    ]
    told = links.select("evidence", "probability", "rule", "held")
    return pl.concat([*ends, told], how="horizontal").select(list(SCHEMAS["links"]))
