"""Audiences: how many are in each, how many came and went, from the manifests beside the exports.

The manifests hold counts and definitions; the members' files are not opened.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

DAYS_SHOWN = 90
COUNTS = (
    "condition_met",
    "left_out_refused",
    "left_out_not_asked",
    "left_out_no_profiling",
    "left_out_no_address",
    "members",
    "control",
    "entered",
    "left",
)


@dataclass(frozen=True)
class Audiences:
    latest: pl.DataFrame
    """The newest export of each audience."""
    sizes: pl.DataFrame
    """Members by audience and day; empty unless there are two days to compare."""


def load(exports: Path) -> Audiences:
    exported = pl.DataFrame(
        list(_read_manifests(exports)),
        schema={
            "audience": pl.String,
            "as_of": pl.String,
            "description": pl.String,
            "condition": pl.String,
            "purpose": pl.String,
            "channel": pl.String,
            "holdout": pl.Float64,
            **dict.fromkeys(COUNTS, pl.Int64),
        },
    ).with_columns(pl.col("as_of").str.to_date())
    latest = exported.sort("as_of").unique("audience", keep="last").sort("audience")
    sizes = exported.select("audience", "as_of", "members").sort("audience", "as_of")
    return Audiences(latest, sizes if sizes["as_of"].n_unique() > 1 else sizes.clear())


def _read_manifests(exports: Path) -> Iterator[dict[str, Any]]:
    """Yields the manifests of the last days; skips one that is being replaced or is damaged."""
    for folder in sorted(exports.iterdir()) if exports.is_dir() else ():
        for path in sorted(folder.glob("[0-9]*.json"))[-DAYS_SHOWN:]:
            try:
                manifest = json.loads(path.read_text("utf-8"))
                about, counts = manifest["definition"], manifest["counts"]
                yield {
                    "audience": manifest["audience"],
                    "as_of": manifest["as_of"],
                    **{name: about[name] for name in ("description", "condition", "purpose")},
                    "channel": about["channel"],
                    "holdout": about["holdout"],
                    **{name: counts[name] for name in COUNTS},
                }
            except (OSError, ValueError, KeyError, TypeError):
                continue
