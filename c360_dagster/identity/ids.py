"""Gives ids that last: who keeps one, which one survives a merge, which returns after a split.

Almost all people keep their id. Only those whose group of records changed are settled one by one.
"""

from dataclasses import replace

import polars as pl

from c360_dagster.identity.anchors import ANCHOR_ORDER, own_id, rank_records
from c360_dagster.identity.memory import Memory
from c360_dagster.identity.records import KEY, overlay
from c360_dagster.identity.settling import Registry, Settlement, Why


def assign_ids(
    records: pl.DataFrame, affected: pl.DataFrame, memory: Memory, places: pl.Series, why: Why
) -> Registry:
    """Gives every record the id of its person and returns the registry of all ids.

    `records`: source_system, source_id and registered of all records. `affected`: at and label of
    the records whose person may have changed. `places`: each record's place in the memory.
    """
    known = _complete(memory, records)
    redirects = dict(
        known.ids.filter(pl.col("redirect_to").is_not_null())
        .select("customer_id", "redirect_to")
        .iter_rows()
    )
    frame = _gather_holders(records, affected, known, places, redirects)
    labelled_ids = (
        frame.select("label", "had", pl.col("had").cast(pl.Categorical).to_physical().alias("id"))
        .drop_nulls()
        .unique(["label", "id"], keep="any")
        .with_columns(
            (pl.len().over("label") == 1).alias("is_one"),
            (pl.len().over("id") == 1).alias("is_whole"),
        )
        .drop("id")
    )
    is_kept = pl.col("is_one") & pl.col("is_whole")
    kept = labelled_ids.filter(is_kept).select("label", pl.col("had").alias("customer_id"))
    changed = labelled_ids.filter(~is_kept)["label"].unique()
    anchors = frame.filter((pl.col("rank") == 0) & pl.col("had").is_null())
    new = anchors.join(labelled_ids, on="label", how="anti")
    given = known.ids["customer_id"]
    taken = given.filter(given.is_in(new["own_id"].implode()))
    free = new.filter(~new["own_id"].is_in(taken.implode()) & new["own_id"].is_unique())
    rest = new.join(free.select("label"), on="label", how="anti")
    settlement = Settlement(
        known, redirects, frame.filter(pl.col("label").is_in(changed.implode())), why
    )
    settlement.given.at_once = free["own_id"]
    settlement.settle()
    for row in rest.sort(ANCHOR_ORDER).iter_rows(named=True):
        settlement.by_label[row["label"]] = settlement.give_new(row)
    decided = pl.concat(
        [
            kept,
            free.select("label", pl.col("own_id").alias("customer_id")),
            pl.DataFrame(
                {
                    "label": list(settlement.by_label),
                    "customer_id": list(settlement.by_label.values()),
                },
                schema={"label": kept.schema["label"], "customer_id": pl.String},
            ),
        ]
    )
    anew = frame.join(decided, on="label", how="left", maintain_order="left")
    had = known.records.select("customer_id")
    identified = records.with_columns(
        overlay(had, places, frame["at"], anew.select("customer_id")).to_series()
    )
    added = free.select(
        pl.col("own_id").alias("customer_id"),
        pl.col("source_system").alias("anchor_system"),
        pl.col("source_id").alias("anchor_id"),
        pl.col("registered").alias("anchor_registered_at"),
        pl.lit(None, pl.String).alias("redirect_to"),
    )
    return settlement.make_registry(identified, added)


def _gather_holders(
    records: pl.DataFrame,
    affected: pl.DataFrame,
    known: Memory,
    places: pl.Series,
    redirects: dict[str, str],
) -> pl.DataFrame:
    """Returns the affected records with the id that each had, and all others that hold such an id.

    There are others if a record was gone and now comes back as part of another person.
    """
    before = known.records.select(pl.col("customer_id", "is_present").gather(places)).rename(
        {"customer_id": "had", "is_present": "stayed"}
    )
    holders = before[affected["at"]].with_columns(affected["at"], affected["label"])
    if redirects:
        holders = holders.with_columns(pl.col("had").replace(redirects))
    if affected.height < records.height:
        holds = before["had"].is_in(holders["had"].drop_nulls().unique().implode())
        others = before.with_row_index("at").filter(holds)
        others = others.join(affected, on="at", how="anti").with_columns(
            pl.col("at").min().over("had").cast(affected.schema["label"]).alias("label")
        )
        holders = pl.concat([holders, others.select(holders.columns)]).sort("at")
    frame = pl.concat([records[holders["at"]], holders], how="horizontal").with_columns(
        own_id(), pl.col("stayed").fill_null(value=True)
    )
    return frame.with_columns(rank_records(frame))


def _complete(memory: Memory, records: pl.DataFrame) -> Memory:
    """Returns the memory with an anchor for every id of a record, even if no anchor was kept."""
    if memory.grouping is not None and memory.ids.height:
        return memory
    nameless = memory.records.join(memory.ids, on="customer_id", how="anti")
    if not nameless.height:
        return memory
    now = records.select(*KEY, pl.col("registered").alias("at"))
    ranked = (
        nameless.select(*KEY, "customer_id")
        .join(now, on=KEY, how="left")
        .with_columns(own_id(), pl.col("at").alias("registered"))
    )
    ranked = ranked.sort(pl.col("own_id") != pl.col("customer_id"), *ANCHOR_ORDER)
    first = ranked.unique("customer_id", keep="first", maintain_order=True).select(
        "customer_id",
        pl.col("source_system").alias("anchor_system"),
        pl.col("source_id").alias("anchor_id"),
        pl.col("at").alias("anchor_registered_at"),
        pl.lit(None, pl.String).alias("redirect_to"),
    )
    ids = pl.concat([memory.ids, first]).sort("customer_id")
    return replace(memory, ids=ids)
