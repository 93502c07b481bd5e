"""What one call leaves for the next: who had which id, how records looked, what linked them.

Frames only, so that each can be kept as a parquet file and read back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import polars as pl

from c360_dagster.identity.model import Model
from c360_dagster.identity.records import FEATURES, KEY, RecordsError

_RECORD = {"source_system": pl.String, "source_id": pl.String}
_ENDS = {
    "left_system": pl.String,
    "left_id": pl.String,
    "right_system": pl.String,
    "right_id": pl.String,
}
SCHEMAS: dict[str, dict[str, type[pl.DataType] | pl.DataType]] = {
    "records": {
        **_RECORD,
        "customer_id": pl.String,
        "is_present": pl.Boolean,
        "fingerprint": pl.UInt64,
        "content": pl.UInt64,
        **FEATURES,
    },
    "links": {
        **_ENDS,
        "evidence": pl.Float64,
        "probability": pl.Float64,
        "rule": pl.String,
        "held": pl.String,
    },
    "ids": {
        "customer_id": pl.String,
        "anchor_system": pl.String,
        "anchor_id": pl.String,
        "anchor_registered_at": pl.Datetime("us"),
        "redirect_to": pl.String,
    },
    "former": {"customer_id": pl.String, **_RECORD},
    "model": {"text": pl.String},
    "frequencies": {"field": pl.String, "value": pl.String, "share": pl.Float64},
}


@dataclass(frozen=True)
class Memory:
    records: pl.DataFrame
    """Every record ever seen with its latest id, and the forms of those that were there last."""
    links: pl.DataFrame
    ids: pl.DataFrame
    """Every id ever given, by which record, and the id that now stands for it."""
    former: pl.DataFrame
    """Which records an id had when it was merged away: who gets it back after a split."""
    model: pl.DataFrame
    frequencies: pl.DataFrame

    def frames(self) -> dict[str, pl.DataFrame]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @staticmethod
    def from_frames(frames: Mapping[str, pl.DataFrame]) -> "Memory":
        """Takes what `frames` gave; a frame that was lost is empty, and its work is done anew."""
        known = {name: frames.get(name, pl.DataFrame()) for name in SCHEMAS}
        return Memory(
            **{
                name: frame.select(
                    pl.col(column).cast(kind)
                    if column in frame.columns
                    else pl.lit(None, kind).alias(column)
                    for column, kind in SCHEMAS[name].items()
                )
                if frame.width
                else pl.DataFrame(schema=SCHEMAS[name])
                for name, frame in known.items()
            }
        )

    @staticmethod
    def from_ids(identities: pl.DataFrame) -> "Memory":
        """Remembers the ids alone: everything is compared anew."""
        missing = [name for name in (*KEY, "customer_id") if name not in identities.columns]
        if missing:
            raise RecordsError(f"The previous identities lack {' and '.join(missing)}.")
        records = (
            identities.select(
                *(pl.col(name).cast(pl.String) for name in (*KEY, "customer_id")),
                pl.lit(value=True).alias("is_present"),
            )
            .drop_nulls()
            .unique(KEY, keep="any")
        )
        return Memory.from_frames({"records": records.sort(KEY)})

    @property
    def stamp(self) -> str:
        """Tells what the golden records of this memory look like: equal ones have equal stamps."""
        present = self.records.filter("is_present").drop_nulls("content")
        told = present.select(pl.struct(*_RECORD, "customer_id", "content").hash(362).sum())
        return f"{present.height} records, {told.item()}"

    @property
    def settled(self) -> Model | None:
        return Model.from_json(self.model["text"][0]) if self.model.height else None
