"""Gives ids that last: who keeps one, which one survives a merge, which returns after a split.

Almost all people keep their id. Only those whose group of records changed are settled one by one.
"""

from dataclasses import replace

import polars as pl

from c360_dagster.identity.anchors import ANCHOR_ORDER, own_id, rank_records
from c360_dagster.identity.memory import Memory
from c360_dagster.identity.records import KEY, overlay
from c360_dagster.identity.settling import Book, Registry, Why


def assign_ids(
    records: pl.DataFrame, near: pl.DataFrame, memory: Memory, was: pl.Series, why: Why
) -> Registry:
    """Gives every record the id of its person and returns the registry of all ids.

    `records`: source_system, source_id and registered of all records. `near`: at and label of the
    records whose person may have changed. `was`: each record's place in the memory.
    """
    known = _complete(memory, records)
    redirects = dict(
        known.ids.filter(pl.col("redirect_to").is_not_null())
        .select("customer_id", "redirect_to")
        .iter_rows()
    )
    frame = _gather_holders(records, near, known, was, redirects)
    met = (
        frame.select("label", "had", pl.col("had").cast(pl.Categorical).to_physical().alias("id"))
        .drop_nulls()
        .unique(["label", "id"], keep="any")
        .with_columns(
            (pl.len().over("label") == 1).alias("is_one"),
            (pl.len().over("id") == 1).alias("is_whole"),
        )
        .drop("id")
    )
    is_calm = pl.col("is_one") & pl.col("is_whole")
    calm = met.filter(is_calm).select("label", pl.col("had").alias("customer_id"))
    stirred = met.filter(~is_calm)["label"].unique()
    anchors = frame.filter((pl.col("rank") == 0) & pl.col("had").is_null())
    new = anchors.join(met, on="label", how="anti")
    given = known.ids["customer_id"]
    taken = given.filter(given.is_in(new["own_id"].implode()))
    clear = new.filter(~new["own_id"].is_in(taken.implode()) & new["own_id"].is_unique())
    rest = new.join(clear.select("label"), on="label", how="anti")
    book = Book(known, redirects, frame.filter(pl.col("label").is_in(stirred.implode())), why)
    book.given.also = clear["own_id"]
    book.settle()
    for row in rest.sort(ANCHOR_ORDER).iter_rows(named=True):
        book.by_label[row["label"]] = book.give_new(row)
    decided = pl.concat(
        [
            calm,
            clear.select("label", pl.col("own_id").alias("customer_id")),
            pl.DataFrame(
                {"label": list(book.by_label), "customer_id": list(book.by_label.values())},
                schema={"label": calm.schema["label"], "customer_id": pl.String},
            ),
        ]
    )
    anew = frame.join(decided, on="label", how="left", maintain_order="left")
    had = known.records.select("customer_id")
    identified = records.with_columns(
        overlay(had, was, frame["at"], anew.select("customer_id")).to_series()
    )
    own = clear.select(
        pl.col("own_id").alias("customer_id"),
        pl.col("source_system").alias("anchor_system"),
        pl.col("source_id").alias("anchor_id"),
        pl.col("registered").alias("anchor_registered_at"),
        pl.lit(None, pl.String).alias("redirect_to"),
    )
    return book.close(identified, own)


def _gather_holders(
    records: pl.DataFrame,
    near: pl.DataFrame,
    known: Memory,
    was: pl.Series,
    redirects: dict[str, str],
) -> pl.DataFrame:
    """Returns the `near` records with the id that each had, and all others that hold such an id.

    There are others if a record was gone and now comes back as part of another person.
    """
    told = known.records.select(pl.col("customer_id", "is_present").gather(was)).rename(
        {"customer_id": "had", "is_present": "stayed"}
    )
    own = told[near["at"]].with_columns(near["at"], near["label"])
    if redirects:
        own = own.with_columns(pl.col("had").replace(redirects))
    if near.height < records.height:
        holds = told["had"].is_in(own["had"].drop_nulls().unique().implode())
        company = told.with_row_index("at").filter(holds)
        company = company.join(near, on="at", how="anti").with_columns(
            pl.col("at").min().over("had").cast(near.schema["label"]).alias("label")
        )
        own = pl.concat([own, company.select(own.columns)]).sort("at")
    frame = pl.concat([records[own["at"]], own], how="horizontal").with_columns(
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
