"""The content of an audience's export: its members, who left, and the manifest.

The same members give the same bytes, because nothing here depends on the time or on the run.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from c360_dagster.audiences.declarations import Audience
from c360_dagster.audiences.members import LEFT_OUT

CONTROL, TREATMENT = "control", "treatment"
ENTERED, STAYED, LEFT = "entered", "stayed", "left"
FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
"""Matches the texts that a spreadsheet would execute as a formula."""
DISARMED = "'"
STEADY = 0.5
"""The largest share of the previous members that may enter or leave without a warning."""
MEMBER_SCHEMA = {"customer_id": pl.String, "group": pl.String}

Definition = Mapping[str, object]


@dataclass(frozen=True)
class Previous:
    """An export of an earlier day, usually the newest."""

    as_of: date
    definition: Definition
    members: pl.DataFrame
    """customer_id and group."""


@dataclass(frozen=True)
class Export:
    """One audience on one day."""

    audience: Audience
    as_of: date
    members: pl.DataFrame
    """customer_id, group, change, the columns of the definition and the addresses."""
    left: pl.DataFrame
    """customer_id and group of the former members who are no longer in it."""
    met: int
    """The number of customers who meet the condition, with or without consent."""
    left_out: Mapping[str, int]
    previous: Previous | None

    @property
    def counts(self) -> dict[str, int]:
        def count(column: str, value: str) -> int:
            return int((self.members[column] == value).sum())

        return {
            "condition_met": self.met,
            **{f"left_out_{name.replace(' ', '_')}": self.left_out[name] for name in LEFT_OUT},
            "members": self.members.height,
            TREATMENT: count("group", TREATMENT),
            CONTROL: count("group", CONTROL),
            ENTERED: count("change", ENTERED),
            LEFT: self.left.height,
        }

    @property
    def is_redefined(self) -> bool:
        return self.previous is not None and self.previous.definition != self.audience.describe()

    @property
    def is_as_expected(self) -> bool:
        """Whether it has members, and no more than half entered or left since the last time."""
        if self.members.is_empty() or self.previous is None:
            return not self.members.is_empty()
        moved = self.counts[ENTERED] + self.counts[LEFT]
        return moved <= STEADY * self.previous.members.height

    def say(self) -> str:
        """Says in a sentence or two how many members there are, and how many entered and left."""
        if self.members.is_empty():
            reasons = ", ".join(f"{count:,} {why}" for why, count in self.left_out.items() if count)
            met = f"{self.met:,} {'meets' if self.met == 1 else 'meet'} the condition ({reasons})"
            why = met if self.met else "nobody meets the condition"
            text = f"Nobody is in it: {why}."
        else:
            size = self.members.height
            members = "1 member" if size == 1 else f"{size:,} members"
            text = f"{members}, {self.counts[CONTROL]:,} of them held out."
        if self.previous is None:
            return text
        since = (
            f" Since {self.previous.as_of}, {self.counts[ENTERED]:,} entered and "
            f"{self.left.height:,} left."
        )
        return text + since + (" Its definition has changed since." if self.is_redefined else "")


def build_export(
    audience: Audience, as_of: date, candidates: pl.DataFrame, previous: Previous | None
) -> Export:
    """Makes the export from the rows of candidates_sql and from the previous export."""
    before = previous.members if previous else pl.DataFrame(schema=MEMBER_SCHEMA)
    known = before.select("customer_id", pl.lit(STAYED).alias("change"))
    members = (
        candidates.filter(pl.col("left_out").is_null())
        .join(known, on="customer_id", how="left")
        .select(
            "customer_id",
            pl.when("is_control").then(pl.lit(CONTROL)).otherwise(pl.lit(TREATMENT)).alias("group"),
            pl.col("change").fill_null(ENTERED),
            *(name for name in audience.columns if name != "customer_id"),
            # Without an address, nobody can write to a member who is held out.
            *(pl.when(~pl.col("is_control")).then(name) for name in audience.contact_columns),
        )
        .sort("customer_id")
    )
    left = before.join(members, on="customer_id", how="anti").sort("customer_id")
    reasons = dict(candidates.drop_nulls("left_out")["left_out"].value_counts().iter_rows())
    return Export(
        audience=audience,
        as_of=as_of,
        members=members,
        left=left,
        met=candidates.height,
        left_out={name: reasons.get(name, 0) for name in LEFT_OUT},
        previous=previous,
    )


def compare_with_receiver(
    export: Export, whole: Previous | None, parts: Sequence[Previous]
) -> Export:
    """Returns the export with changes relative to what a receiver took, not to the files before.

    `whole` is the last list that it took in full, `parts` are later ones that it took in part.
    Members whom it may lack have entered, and former members whom it may hold have left: reporting
    somebody twice does no harm. Only treated members count, because others were never sent.
    """
    sent = [each.members.filter(group=TREATMENT) for each in ([whole] if whole else []) + [*parts]]
    known = sent[0].select("customer_id") if whole else pl.DataFrame(schema=MEMBER_SCHEMA)
    for other in sent[1:]:
        known = known.join(other, on="customer_id", how="semi")
    held = pl.concat([pl.DataFrame(schema=MEMBER_SCHEMA), *sent]).unique("customer_id")
    return replace(
        export,
        members=export.members.with_columns(
            pl.when(pl.col("customer_id").is_in(known["customer_id"].to_list()))
            .then(pl.lit(STAYED))
            .otherwise(pl.lit(ENTERED))
            .alias("change")
        ),
        left=held.join(export.members.filter(group=TREATMENT), on="customer_id", how="anti").sort(
            "customer_id"
        ),
    )


def write_files(export: Export) -> dict[str, bytes]:
    """Returns every file of the day by its ending. The manifest is last, as it lists the others."""
    files = {
        ".csv": write_csv(export.members),
        ".left.csv": write_csv(export.left),
        ".parquet": _write_parquet(export.members),
    }
    return {**files, ".json": _write_manifest(export, files)}


def write_csv(frame: pl.DataFrame) -> bytes:
    """Returns the CSV. Texts that a spreadsheet would execute get an apostrophe in front."""
    text = pl.col(pl.String)
    disarmed = pl.when(text.str.contains(FORMULA)).then(DISARMED + text).otherwise(text)
    return frame.with_columns(disarmed.name.keep()).write_csv().encode()


def _write_parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _write_manifest(export: Export, files: Mapping[str, bytes]) -> bytes:
    manifest = {
        "audience": export.audience.name,
        "as_of": export.as_of.isoformat(),
        "definition": export.audience.describe(),
        "counts": export.counts,
        "compared_with": export.previous.as_of.isoformat() if export.previous else None,
        "definition_changed": export.is_redefined,
        "cells_disarmed": _count_disarmed(export.members) + _count_disarmed(export.left),
        "files": {
            f"{export.as_of}{ending}": {
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for ending, content in files.items()
        },
    }
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()


def _count_disarmed(frame: pl.DataFrame) -> int:
    text = [column for column in frame.iter_columns() if column.dtype == pl.String]
    return sum(int(column.str.contains(FORMULA).sum() or 0) for column in text)
