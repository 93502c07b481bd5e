"""Writes the sentence that says why two groups of records came together or fell apart."""

from functools import cache

import polars as pl

from c360_dagster.identity.links import ALWAYS, MODEL, SEVERAL
from c360_dagster.identity.memory import Memory
from c360_dagster.identity.recall import Recalled
from c360_dagster.identity.records import KEY
from c360_dagster.identity.reviewing import Overrules


class Explainer:
    """`records` are in their usual order; `links` are those within one person."""

    def __init__(
        self,
        records: pl.DataFrame,
        links: pl.DataFrame,
        overrules: Overrules,
        memory: Memory,
        recalled: Recalled,
    ) -> None:
        self.records, self.links, self.overrules = records, links, overrules
        self.memory, self.recalled = memory, recalled

    def explain(self, kind: str, stay: list[int], others: list[int]) -> str:
        return (
            self._explain_split(stay, others)
            if kind == "split"
            else self._explain_merge(stay, others)
        )

    def _explain_merge(self, stay: list[int], came: list[int]) -> str:
        """Names the strongest link between the two groups.

        If there is none, names the newcomers' strongest link to another record, which joins both.
        """
        ones, others = set(came), set(stay)
        strongest = self._touching(came).sort(
            ["evidence", "left", "right"], descending=[True, False, False]
        )
        bridge = None
        for left, right, rule, chance in strongest.select(
            "left", "right", "rule", "probability"
        ).iter_rows():
            if {left, right} <= ones:
                continue
            sentence = f"{self._name(left)} and {self._name(right)} {_reason(rule, chance)}"
            if left in others or right in others:
                return sentence + "."
            bridge = bridge or sentence
        joined = f"{self._name(came[0])} and {self._name(stay[0])}" if stay and came else "They"
        return f"{bridge}, which joins {joined}." if bridge else f"{joined} are linked by others."

    def _explain_split(self, stay: list[int], left: list[int]) -> str:
        here = self._name(left[0])
        if not stay:
            return f"{here} is no longer linked to the records that it had that id with."
        apart = {frozenset(pair) for pair in self.overrules.never}
        for one in left:
            for other in stay:
                if frozenset((one, other)) in apart:
                    return f"{self._name(one)} and {self._name(other)} stand under never."
        gone = self._find_lost_bridge(stay, left)
        if gone:
            return f"{gone}, which joined {here} and {self._name(stay[0])}, is gone."
        return f"Nothing links {here} and {self._name(stay[0])} strongly enough any more."

    def _find_lost_bridge(self, stay: list[int], left: list[int]) -> str | None:
        """Returns the name of a record that was linked to both groups and is no longer there."""
        gone = self._find_lost(stay) & self._find_lost(left)
        keys = self.memory.records.select(KEY)[sorted(gone)].sort(KEY)
        return ":".join(keys.row(0)) if gone else None

    def _find_lost(self, at: list[int]) -> set[int]:
        """Returns the places in the memory of lost records that were linked to these."""
        known = self.recalled.memory_places[at].drop_nulls().implode()
        return {
            place
            for side, other in (("left", "right"), ("right", "left"))
            for place in self._lost(other).filter(pl.col(side).is_in(known))[other]
        }

    @cache  # noqa: B019  lives as long as one call
    def _lost(self, side: str) -> pl.DataFrame:
        """Returns the links that were followed and whose record on this side is gone."""
        links = self.memory.links.filter(pl.col("held").is_null() & pl.col("cut").is_null())
        return links.filter(pl.Series(self.recalled.current_positions[links[side].to_numpy()] < 0))

    def _touching(self, at: list[int]) -> pl.DataFrame:
        own = pl.Series(at, dtype=pl.UInt32).implode()
        return self.links.filter(pl.col("left").is_in(own) | pl.col("right").is_in(own))

    def _name(self, at: int) -> str:
        system, key = self.records.select(KEY).row(at)
        return f"{system}:{key}"


def _reason(rule: str, chance: float | None) -> str:
    if rule == ALWAYS:
        return "stand under always"
    if rule == MODEL:
        return f"are one person with probability {chance:.4f}"
    if rule == SEVERAL:
        return "are one person by what several records say together"
    return f"have the {rule}"
