"""What one resolution keeps for the next: who had which id, how records looked, what linked them.

Frames only, so that each can be kept as a parquet file and read back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import polars as pl

from c360_dagster.identity.forms import FEATURES
from c360_dagster.identity.links import SCHEMA as LINKS
from c360_dagster.identity.model import Model
from c360_dagster.identity.records import KEY, RecordsError

_RECORD = {"source_system": pl.String, "source_id": pl.String}
SCHEMAS: dict[str, dict[str, type[pl.DataType] | pl.DataType]] = {
    "records": {
        **_RECORD,
        "customer_id": pl.String,
        "is_present": pl.Boolean,
        "fingerprint": pl.UInt64,
        "content": pl.UInt64,
        "match_rule": pl.String,
        "match_probability": pl.Float64,
        "is_decided": pl.Boolean,
        **FEATURES,
    },
    "links": LINKS,
    "shared": {"field": pl.String, "value": pl.String},
    "ids": {
        "customer_id": pl.String,
        "anchor_system": pl.String,
        "anchor_id": pl.String,
        "anchor_registered_at": pl.Datetime("us"),
        "redirect_to": pl.String,
    },
    "former": {"customer_id": pl.String, **_RECORD},
    "model": {"text": pl.String, "grouping": pl.String},
    "frequencies": {"field": pl.String, "value": pl.String, "share": pl.Float64},
}


@dataclass(frozen=True)
class Memory:
    records: pl.DataFrame
    """Every record ever seen with its latest id: first those that were there last, in their order
    and with their forms; then those that are gone."""
    links: pl.DataFrame
    """By the records' places above; `cut` says why one was not followed."""
    shared: pl.DataFrame
    """What too many names shared."""
    ids: pl.DataFrame
    """Every id ever given, by which record, and the id that now stands for it."""
    former: pl.DataFrame
    """Which records an id had when it was merged away: who gets it back after a split."""
    model: pl.DataFrame
    """The model, and the rules that people were grouped under."""
    frequencies: pl.DataFrame

    def frames(self) -> dict[str, pl.DataFrame]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @staticmethod
    def from_frames(frames: Mapping[str, pl.DataFrame]) -> "Memory":
        """Takes what `frames` gave; a frame that was lost is empty, and its work is done anew.

        So is what an older version did not write yet: its columns are unknown.
        """
        known = {
            name: _with_columns(frames.get(name, pl.DataFrame()), SCHEMAS[name]) for name in SCHEMAS
        }
        # An older version told links by their records' keys: they are found anew.
        links = known.pop("links").drop_nulls(["left", "right"])
        return Memory(links=links, **known)

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
    def grouping(self) -> str | None:
        """None in a memory that lacks what is needed to leave people as they are."""
        return self.model["grouping"][0] if self.model.height else None

    @property
    def settled(self) -> Model | None:
        return Model.from_json(self.model["text"][0]) if self.model.height else None


def _with_columns(
    frame: pl.DataFrame, schema: Mapping[str, type[pl.DataType] | pl.DataType]
) -> pl.DataFrame:
    """The frame with these columns; unknown where it has none."""
    if not frame.width:
        return pl.DataFrame(schema=schema)
    return frame.select(
        pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
        for name, kind in schema.items()
    )
