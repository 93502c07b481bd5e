"""Ids that last: who keeps hers, which of two survives a merge, which comes back after a split.

Almost everybody keeps the id she had; only those whose company changed are looked at one by one.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import polars as pl

from c360_dagster.identity.memory import Memory
from c360_dagster.identity.records import KEY, overlay

Rank = tuple[bool, bool, datetime, str, str]
Why = Callable[[str, list[int], list[int]], str]
"""Says why two groups of records came together (`merge`) or fell apart (`split`)."""
_PREFIXES = {"crm": "", "workbooks": "wb-"}
_NEVER = datetime.max  # noqa: DTZ901  only ever compared


@dataclass(frozen=True)
class Registry:
    customer_ids: pl.Series
    merges: pl.DataFrame
    ids: pl.DataFrame
    former: pl.DataFrame


def own_id() -> pl.Expr:
    """The id that a record would give its person."""
    system = pl.col("source_system")
    prefix = system.replace_strict(_PREFIXES, default=system + "-", return_dtype=pl.String)
    return (prefix + pl.col("source_id")).alias("own_id")


ANCHOR_ORDER: list[pl.Expr] = [
    pl.col("source_system") != "crm",
    pl.col("registered").is_null(),
    pl.col("registered"),
    pl.col("source_id"),
    pl.col("source_system"),
]
"""Who comes first as a person's anchor: crm first, then the earliest, then by id."""


def rank_records(records: pl.DataFrame) -> pl.Series:
    """Each record's place among those of its label, by the anchors' order."""
    several = (
        records.select(*KEY, "registered", "label")
        .with_row_index("row")
        .filter(pl.len().over("label") > 1)
        .sort("label", *ANCHOR_ORDER)
    )
    places = several.select(
        "row", pl.int_range(pl.len(), dtype=pl.UInt32).over("label").alias("rank")
    )
    ranks = pl.zeros(records.height, dtype=pl.UInt32, eager=True)
    return ranks.scatter(places["row"], places["rank"]).alias("rank")


def assign_ids(
    records: pl.DataFrame, near: pl.DataFrame, memory: Memory, was: pl.Series, why: Why
) -> Registry:
    """`records`: source_system, source_id, registered of all; `near`: at, label of those whose
    person may be another one; `was`: the records' places in the memory.
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
    book = _Book(known, redirects, frame.filter(pl.col("label").is_in(stirred.implode())), why)
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
    """Those near with the id that each had, and whoever else holds one of these ids.

    Such a holder is met where a record went, and comes back now as somebody else.
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


@dataclass
class _Book:
    """The few whose company changed, settled in one fixed order."""

    known: Memory
    redirects: dict[str, str]
    stirred: pl.DataFrame
    why: Why
    by_label: dict[int, str] = field(default_factory=dict)
    merges: list[tuple[str, str, str, str]] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    new: list[tuple[str, str, str, datetime | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.given = _Given(self.known.ids["customer_id"])
        concerned = pl.concat([self.stirred["had"].drop_nulls(), self.known.former["customer_id"]])
        own = self.known.ids.filter(pl.col("customer_id").is_in(concerned.unique().implode()))
        self.anchors = {
            key: (system, name, at)
            for key, system, name, at in own.select(
                "customer_id", "anchor_system", "anchor_id", "anchor_registered_at"
            ).iter_rows()
        }

    def settle(self) -> None:
        rows = self.stirred.sort(ANCHOR_ORDER).to_dicts()
        people: dict[int, list[dict]] = defaultdict(list)
        holders: dict[str, list[dict]] = defaultdict(list)
        for row in rows:
            people[row["label"]].append(row)
            if row["had"] is not None:
                holders[row["had"]].append(row)
        kept: dict[int, list[str]] = defaultdict(list)
        for name, own in holders.items():
            anchor = self.anchors.get(name, ("", "", None))[:2]
            # Who was there all along comes before one who went and came back, even the anchor.
            stayed = [row for row in own if row["stayed"]] or own
            heirs = (r for r in stayed if (r["source_system"], r["source_id"]) == anchor)
            heir = next(heirs, stayed[0])
            kept[heir["label"]].append(name)
        for label, members in people.items():
            if kept[label]:
                self._keep(label, kept[label], members)
        for label, members in people.items():
            if not kept[label]:
                self._part(label, members, holders)

    def _keep(self, label: int, names: list[str], members: list[dict]) -> None:
        """The id whose anchor ranks first stands for the others from now on."""
        names = sorted(names, key=self._rank)
        survivor = self.by_label[label] = names[0]
        stay = [m["at"] for m in members if m["had"] == survivor]
        for gone in names[1:]:
            came = [m["at"] for m in members if m["had"] == gone]
            self.merges.append(("merge", gone, survivor, self.why("merge", stay, came)))
            self.redirects[gone] = survivor
            self.joined.append(gone)

    def _part(self, label: int, members: list[dict], holders: dict[str, list[dict]]) -> None:
        """A part that left: its former id if it had one of its own, else a new one."""
        left = next(m["had"] for m in members if m["had"] is not None)
        keys = {(m["source_system"], m["source_id"]) for m in members}
        mine = sorted(
            self._former_ids(keys) & self.redirects.keys(),
            key=lambda name: (self.anchors[name][:2] not in keys, self._rank(name)),
        )
        if mine:
            chosen = mine[0]
            del self.redirects[chosen]
        else:
            chosen = self.give_new(members[0])
        self.by_label[label] = chosen
        stay = [m["at"] for m in holders[left] if m["label"] != label]
        parted = self.why("split", stay, [m["at"] for m in members])
        self.merges.append(("split", left, chosen, parted))

    def give_new(self, anchor: dict) -> str:
        """The anchor's own id; with a number behind it where somebody else ever had that one."""
        name, number = anchor["own_id"], 1
        while name in self.given:
            number += 1
            name = f"{anchor['own_id']}-{number}"
        self.given.add(name)
        self.new.append((name, anchor["source_system"], anchor["source_id"], anchor["registered"]))
        return str(name)

    def _rank(self, name: str) -> Rank:
        system, key, at = self.anchors.get(name, ("", name, None))
        return (system != "crm", at is None, at or _NEVER, key, system)

    def _former_ids(self, keys: set[tuple[str, str]]) -> set[str]:
        return {name for key in keys for name in self._former.get(key, ())}

    @cached_property
    def _former(self) -> dict[tuple[str, str], list[str]]:
        """The ids that each record had when they were merged away; read where somebody parts."""
        names: dict[tuple[str, str], list[str]] = defaultdict(list)
        for name, system, key in self.known.former.iter_rows():
            names[system, key].append(name)
        return names

    def close(self, identified: pl.DataFrame, own: pl.DataFrame) -> Registry:
        """All ids ever given, each redirect to where its person is now."""
        schema = {name: own.schema[name] for name in own.columns[:4]}
        new = pl.DataFrame(self.new, schema=schema, orient="row").with_columns(
            pl.lit(None, pl.String).alias("redirect_to")
        )
        added = pl.concat([own, new]).sort("customer_id")
        ids = self.known.ids.merge_sorted(added, "customer_id")
        held = self.known.records.select("customer_id", *KEY)
        held = held.filter(pl.col("customer_id").is_in(self.joined))
        former = pl.concat([self.known.former, held]).unique().sort("customer_id", *KEY)
        former = former.filter(pl.col("customer_id").is_in(list(self.redirects)))
        targets = self._targets(ids, former, identified)
        ids = ids.with_columns(
            pl.col("customer_id")
            .replace_strict(targets, default=None, return_dtype=pl.String)
            .alias("redirect_to")
        )
        told = dict.fromkeys(("kind", "from_id", "to_id", "why"), pl.String)
        merges = pl.DataFrame(self.merges, schema=told, orient="row")
        return Registry(
            identified["customer_id"],
            merges.sort("kind", "from_id", "to_id"),
            ids,
            former,
        )

    def _targets(
        self, ids: pl.DataFrame, former: pl.DataFrame, identified: pl.DataFrame
    ) -> dict[str, str]:
        """Where each redirected id's anchor is now, else its first holder, else where it led."""
        if not self.redirects:
            return {}
        gone = list(self.redirects)
        anchors = ids.filter(pl.col("customer_id").is_in(gone)).select(
            "customer_id",
            pl.col("anchor_system").alias("source_system"),
            pl.col("anchor_id").alias("source_id"),
            pl.lit(0).alias("turn"),
        )
        wanted = pl.concat([anchors, former.with_columns(pl.lit(1).alias("turn"))])
        now = identified.filter(pl.col("source_id").is_in(wanted["source_id"].implode())).select(
            *KEY, "registered", pl.col("customer_id").alias("now")
        )
        places = wanted.join(now, on=KEY)
        found = places.sort("customer_id", "turn", *ANCHOR_ORDER).unique(
            "customer_id", keep="first", maintain_order=True
        )
        targets = dict(found.select("customer_id", "now").iter_rows())
        for name in gone:
            target = self.redirects[name]
            while target in self.redirects and name not in targets:
                target = self.redirects[target]
            targets.setdefault(name, target)
        return targets


class _Given:
    """Every id ever given; the many are looked up only where somebody asks."""

    def __init__(self, before: pl.Series) -> None:
        self.before, self.also = before, before.head(0)
        self.added: set[str] = set()

    def __contains__(self, name: str) -> bool:
        earlier = bool((self.before == name).any()) or bool((self.also == name).any())
        return earlier or name in self.added

    def add(self, name: str) -> None:
        self.added.add(name)


def _complete(memory: Memory, records: pl.DataFrame) -> Memory:
    """The registry with an anchor for every id that some record has, also where none was kept."""
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
