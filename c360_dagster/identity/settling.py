"""Settles the ids of people whose group of records changed: kept, merged, returned or new ones.

These few are settled one by one in a fixed order, so the order in which they arrive is irrelevant.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import polars as pl

from c360_dagster.identity.anchors import ANCHOR_ORDER
from c360_dagster.identity.memory import Memory
from c360_dagster.identity.records import KEY

Rank = tuple[bool, bool, datetime, str, str]
Why = Callable[[str, list[int], list[int]], str]
"""Says why two groups of records came together (`merge`) or fell apart (`split`)."""
_NEVER = datetime.max  # noqa: DTZ901  only ever compared


@dataclass(frozen=True)
class Registry:
    customer_ids: pl.Series
    merges: pl.DataFrame
    ids: pl.DataFrame
    former: pl.DataFrame


@dataclass
class Settlement:
    """Settles the ids of the few people whose group changed, in a fixed order."""

    known: Memory
    redirects: dict[str, str]
    changed: pl.DataFrame
    """The records of these people, each with the id that it had."""
    why: Why
    by_label: dict[int, str] = field(default_factory=dict)
    merges: list[tuple[str, str, str, str]] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    new: list[tuple[str, str, str, datetime | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.given = GivenIds(self.known.ids["customer_id"])
        concerned = pl.concat([self.changed["had"].drop_nulls(), self.known.former["customer_id"]])
        concerned_ids = self.known.ids.filter(
            pl.col("customer_id").is_in(concerned.unique().implode())
        )
        self.anchors = {
            key: (system, name, at)
            for key, system, name, at in concerned_ids.select(
                "customer_id", "anchor_system", "anchor_id", "anchor_registered_at"
            ).iter_rows()
        }

    def settle(self) -> None:
        rows = self.changed.sort(ANCHOR_ORDER).to_dicts()
        people: dict[int, list[dict]] = defaultdict(list)
        holders: dict[str, list[dict]] = defaultdict(list)
        for row in rows:
            people[row["label"]].append(row)
            if row["had"] is not None:
                holders[row["had"]].append(row)
        kept: dict[int, list[str]] = defaultdict(list)
        for name, records in holders.items():
            anchor = self.anchors.get(name, ("", "", None))[:2]
            # A record that was there all along comes before one that went and came back, even if
            # the latter is the anchor.
            stayed = [row for row in records if row["stayed"]] or records
            heirs = (r for r in stayed if (r["source_system"], r["source_id"]) == anchor)
            heir = next(heirs, stayed[0])
            kept[heir["label"]].append(name)
        for label, members in people.items():
            if kept[label]:
                self._keep_first_id(label, kept[label], members)
        for label, members in people.items():
            if not kept[label]:
                self._split_off(label, members, holders)

    def _keep_first_id(self, label: int, names: list[str], members: list[dict]) -> None:
        """Keeps the id whose anchor ranks first and redirects the other ids to it."""
        names = sorted(names, key=self._rank)
        survivor = self.by_label[label] = names[0]
        stay = [m["at"] for m in members if m["had"] == survivor]
        for gone in names[1:]:
            came = [m["at"] for m in members if m["had"] == gone]
            self.merges.append(("merge", gone, survivor, self.why("merge", stay, came)))
            self.redirects[gone] = survivor
            self.joined.append(gone)

    def _split_off(self, label: int, members: list[dict], holders: dict[str, list[dict]]) -> None:
        """Gives a group that left its person a former id of its own, or else a new one."""
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
        """Returns the anchor's own id, followed by a number if that id was ever given before."""
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
        """The ids that each record had when they were merged away; needed only for splits."""
        names: dict[tuple[str, str], list[str]] = defaultdict(list)
        for name, system, key in self.known.former.iter_rows():
            names[system, key].append(name)
        return names

    def make_registry(self, identified: pl.DataFrame, added: pl.DataFrame) -> Registry:
        """Returns the registry of all ids ever given; redirects lead to where the person is now.

        `added` holds the ids that were given at once, without being settled one by one.
        """
        schema = {name: added.schema[name] for name in added.columns[:4]}
        new = pl.DataFrame(self.new, schema=schema, orient="row").with_columns(
            pl.lit(None, pl.String).alias("redirect_to")
        )
        given = pl.concat([added, new]).sort("customer_id")
        ids = self.known.ids.merge_sorted(given, "customer_id")
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
        columns = dict.fromkeys(("kind", "from_id", "to_id", "why"), pl.String)
        merges = pl.DataFrame(self.merges, schema=columns, orient="row")
        return Registry(
            identified["customer_id"],
            merges.sort("kind", "from_id", "to_id"),
            ids,
            former,
        )

    def _targets(
        self, ids: pl.DataFrame, former: pl.DataFrame, identified: pl.DataFrame
    ) -> dict[str, str]:
        """Returns the id to which each redirected id leads.

        This is the id of its anchor now, or else of its first holder, or else where it led before.
        """
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


class GivenIds:
    """Every id ever given: before this run, in this run at once, and one by one.

    The long lists are searched only if somebody asks for an id.
    """

    def __init__(self, before: pl.Series) -> None:
        self.before, self.at_once = before, before.head(0)
        self.one_by_one: set[str] = set()

    def __contains__(self, name: str) -> bool:
        earlier = bool((self.before == name).any()) or bool((self.at_once == name).any())
        return earlier or name in self.one_by_one

    def add(self, name: str) -> None:
        self.one_by_one.add(name)
