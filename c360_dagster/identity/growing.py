"""Grows people link by link, and checks the limits of what one person may have.

Every pair of records in a doubtful group is compared once. Before a link is followed, all pairs
that it would join are weighed.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from c360_dagster.identity.links import ALWAYS, SEVERAL, Judged
from c360_dagster.identity.rules import Rules

Ints = NDArray[np.int64]
Judge = Callable[[pl.DataFrame], Judged]
AS_GOOD = 3.0
"""In bits. If two candidates exclude each other and differ by less than this, neither is taken."""
CONTRADICTED = -3.0
"""In bits. A link is not followed if the evidence of all records on both sides, with the prior, is
below this."""


def to_bits(probability: float) -> float:
    """Returns the binary logarithm of the odds, a unit in which evidence adds up."""
    return math.log2(max(probability, 1e-9) / max(1 - probability, 1e-9))


class Pairs:
    """What is known about every pair within the doubtful components."""

    def __init__(self, placed: pl.DataFrame, pairs: pl.DataFrame, judged: Judged) -> None:
        """Lays out the pairs' numbers as one square table for each part, one after the other."""
        firsts = placed.filter(pl.col("place") == 0).select(
            "part", pl.col("size").cast(pl.Int64).pow(2).cum_sum().shift(1, fill_value=0).alias("s")
        )
        starts = dict(firsts.iter_rows())
        self.place = {
            at: (starts[part], place, size)
            for part, at, place, size in placed.select("part", "at", "place", "size").iter_rows()
        }
        start = pairs["part"].replace_strict(starts, return_dtype=pl.Int64).to_numpy()
        size, one, other = (
            pairs[name].to_numpy().astype(np.int64) for name in ("size", "place", "place_right")
        )
        self.table = np.zeros(int(placed["size"].to_numpy().sum()), dtype=np.int64)
        numbers = np.arange(pairs.height)
        self.table[start + one * size + other] = numbers
        self.table[start + other * size + one] = numbers
        self.fields = judged.fields
        self.clashes = {"first": judged.first_clashes, "dob": judged.birth_clashes}
        self.differs = (judged.first_differs, judged.birth_differs, judged.email_differs)

    def between(self, ones: list[int], others: list[int]) -> Ints:
        """Returns the numbers of all pairs of one of `ones` and one of `others`, in one part."""
        start, _, size = self.place[ones[0]]
        rows = np.array([self.place[one][1] for one in ones]) * size + start
        columns = np.array([self.place[other][1] for other in others])
        return np.asarray(self.table[rows[:, None] + columns])

    def weigh(self, ones: list[int], others: list[int]) -> float:
        """Returns the evidence of all records together that the two are one person, in bits.

        An agreement counts once, because two people of the same name agree in every record. A
        disagreement counts for each record on the side with fewer records that know the field,
        because mistakes do not repeat.
        """
        at, total = self.between(ones, others), 0.0
        for field in self.fields.values():
            known = field.known[at]
            if known.any():
                bits = float(field.bits[at][known].mean())
                own = min(known.any(axis=0).sum(), known.any(axis=1).sum())
                total += bits if bits > 0 else bits * int(own)
        return total

    def clash(self, ones: list[int], others: list[int]) -> bool:
        """Says whether at least half of the pairs with known first names clash in them.

        Does the same for birth dates.
        """
        at = self.between(ones, others)
        for name, clashes in self.clashes.items():
            found = int(clashes[at].sum())
            if found and 2 * found >= int(self.fields[name].known[at].sum()):
                return True
        return False


def compare_within(parts: Ints, members: Ints, judge: Judge) -> Pairs:
    """Judges all pairs of records within each part."""
    frame = pl.DataFrame({"part": parts[members], "at": members.astype(np.uint32)})
    placed = frame.sort("part", "at").with_columns(
        pl.int_range(pl.len()).over("part").alias("place"), pl.len().over("part").alias("size")
    )
    pairs = (
        placed.join(placed, on="part")
        .filter(pl.col("at") < pl.col("at_right"))
        .sort("at", "at_right")
    )
    ends = pairs.select(pl.col("at").alias("left"), pl.col("at_right").alias("right"))
    return Pairs(placed, pairs, judge(ends))


class Grown:
    """The clusters while they grow, and the limits that they must keep."""

    def __init__(
        self, pairs: Pairs, forbidden: dict[int, set[int]], rules: Rules, prior_bits: float
    ) -> None:
        self.pairs, self.forbidden, self.rules = pairs, forbidden, rules
        self.prior_bits = prior_bits
        self.cluster_of: dict[int, int] = {}
        self.members: dict[int, list[int]] = {}
        self.clashes: dict[tuple[int, int, int, int], bool] = {}
        self.limits = (
            ("first names", rules.max_first_names),
            ("birth dates", rules.max_birth_dates),
            ("e-mails", rules.max_emails),
        )

    def join(self, left: int, right: int, rule: str) -> str | None:
        """Joins two records' clusters, or returns the reason why not."""
        one, other = self._cluster(left), self._cluster(right)
        if one == other:
            return None
        reason = self._find_obstacle(self.members[one], self.members[other], rule)
        if reason is None:
            kept, gone = min(one, other), max(one, other)
            self.members[kept] += self.members.pop(gone)
            for record in self.members[kept]:
                self.cluster_of[record] = kept
        return reason

    def clash(self, left: int, right: int) -> bool:
        """Says whether two records are now in different clusters that cannot be one person."""
        one, other = sorted((self._cluster(left), self._cluster(right)))
        if one == other:
            return False
        # This is asked for each of their links. Clusters only grow, so their sizes tell whether
        # the last answer still holds.
        ones, others = self.members[one], self.members[other]
        asked = (one, other, len(ones), len(others))
        if asked not in self.clashes:
            self.clashes[asked] = self.pairs.clash(ones, others)
        return self.clashes[asked]

    def clusters(self) -> Iterator[tuple[int, list[int]]]:
        for together in self.members.values():
            yield min(together), together

    def _cluster(self, record: int) -> int:
        if record not in self.cluster_of:
            self.cluster_of[record] = record
            self.members[record] = [record]
        return self.cluster_of[record]

    def _find_obstacle(self, ones: list[int], others: list[int], rule: str) -> str | None:
        there = set(others)
        if any(self.forbidden.get(record, set()) & there for record in ones):
            return "a pair under never"
        return None if rule == ALWAYS else self._find_misfit(ones, others, rule)

    def _find_misfit(self, ones: list[int], others: list[int], rule: str) -> str | None:
        if len(ones) + len(others) > self.rules.max_records:
            return f"more than {self.rules.max_records} records"
        if self.pairs.clash(ones, others):
            return "clashes with another record of that person"
        together = self.pairs.weigh(ones, others) + self.prior_bits
        if together < CONTRADICTED:
            return "unlike the person's other records"
        if rule == SEVERAL and together < to_bits(self.rules.link):
            return f"less likely than {self.rules.link}"
        for (what, limit), differs in zip(self.limits, self.pairs.differs, strict=True):
            if self._count_different([*ones, *others], differs) > limit:
                return f"more than {limit} {what}"
        return None

    def _count_different(self, records: list[int], differs: NDArray[np.bool_]) -> int:
        """Counts the records that clearly differ from all those counted before, in their order."""
        ordered = sorted(records)
        apart = differs[self.pairs.between(ordered, ordered)]
        found: list[int] = []
        for place in range(len(ordered)):
            if apart[place, found].all():
                found.append(place)
        return len(found)


class Rivals:
    """Finds other people that a record fits just as well, although it can belong to only one."""

    def __init__(self, links: pl.DataFrame, grown: Grown) -> None:
        self.grown = grown
        self.linked: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for left, right, evidence in links.select("left", "right", "evidence").iter_rows():
            self.linked[left].append((right, evidence))
            self.linked[right].append((left, evidence))

    def are_as_good(self, left: int, right: int, evidence: float) -> bool:
        return any(
            rival != other and abs(evidence - its) < AS_GOOD and self.grown.clash(rival, other)
            for one, other in ((left, right), (right, left))
            for rival, its in self.linked[one]
        )
