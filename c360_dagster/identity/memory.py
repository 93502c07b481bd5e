"""What one resolution keeps for the next: who had which id, how records looked, what linked them.

It consists of frames only, so that each can be kept as a parquet file and read back.
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
    """Every record ever seen, with its latest id. First come the records of the last run, in their
    order and with their normalised values, then those that are gone."""
    links: pl.DataFrame
    """Links by the records' places in `records`; `cut` says why one was not followed."""
    shared: pl.DataFrame
    """E-mails and phones that too many names shared."""
    ids: pl.DataFrame
    """Every id ever given, the record that it comes from, and the id to which it redirects."""
    former: pl.DataFrame
    """The records that an id had when it was merged away: they get it back after a split."""
    model: pl.DataFrame
    """The model, and the rules by which people were grouped."""
    frequencies: pl.DataFrame

    def frames(self) -> dict[str, pl.DataFrame]:
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @staticmethod
    def from_frames(frames: Mapping[str, pl.DataFrame]) -> "Memory":
        """Makes a memory of what `frames` gave.

        A lost frame becomes empty, and a column that an older version did not write yet becomes
        null; what they held is worked out again.
        """
        known = {
            name: _with_columns(frames.get(name, pl.DataFrame()), SCHEMAS[name]) for name in SCHEMAS
        }
        # An older version named a link's records by their keys. Such links are found again.
        links = known.pop("links").drop_nulls(["left", "right"])
        return Memory(links=links, **known)

    @staticmethod
    def from_ids(identities: pl.DataFrame) -> "Memory":
        """Makes a memory of ids alone, so that everything is compared again."""
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
        """A text that is equal for memories whose golden records are equal."""
        present = self.records.filter("is_present").drop_nulls("content")
        total = present.select(pl.struct(*_RECORD, "customer_id", "content").hash(362).sum())
        return f"{present.height} records, {total.item()}"

    @property
    def grouping(self) -> str | None:
        """The rules by which people were grouped; None if the memory has no model."""
        return self.model["grouping"][0] if self.model.height else None

    @property
    def last_model(self) -> Model | None:
        return Model.from_json(self.model["text"][0]) if self.model.height else None


def _with_columns(
    frame: pl.DataFrame, schema: Mapping[str, type[pl.DataType] | pl.DataType]
) -> pl.DataFrame:
    """Returns the frame with these columns, filled with null if it lacks them."""
    if not frame.width:
        return pl.DataFrame(schema=schema)
    return frame.select(
        pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
        for name, kind in schema.items()
    )
