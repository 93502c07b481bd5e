"""From links to people, never by blind transitivity: whatever a link would join must fit together.

Components whose records all agree are taken as they are; the others grow link by link, the
strongest first, and a link that would break a limit is cut and told.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import NDArray

from c360_dagster.identity.links import ALWAYS, MODEL, SEVERAL, Judged
from c360_dagster.identity.rules import Rules

Ints = NDArray[np.int64]
Judge = Callable[[pl.DataFrame], Judged]
LARGEST = 150
"""A larger component first loses its weakest links: all its pairs are to be compared."""
AS_GOOD = 3.0
"""Bits: of two candidates that exclude each other, neither is taken if they are this close."""
CONTRADICTED = -3.0
"""Bits: a link is not followed if the two people as wholes are less likely one than this."""
SURE = 1000.0
"""The evidence of a person's own word."""


@dataclass(frozen=True)
class Clusters:
    labels: Ints
    """For each record the position of its cluster's first record."""
    cuts: pl.DataFrame
    """Links that were not followed: left, right, reason, probability."""


def label_components(links: pl.DataFrame, records: int) -> Ints:
    """For each record the position of the first record that links lead to."""
    labels = np.arange(records)
    if not links.height:
        return labels
    from scipy.sparse import coo_matrix  # noqa: PLC0415  slow imports, where they are needed
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    ends = np.concatenate([links["left"].to_numpy(), links["right"].to_numpy()])
    at, places = np.unique(ends, return_inverse=True)
    sides = places[: links.height], places[links.height :]
    graph = coo_matrix((np.ones(links.height, dtype=np.int8), sides), (len(at), len(at)))
    _, component = connected_components(graph, directed=False)
    # Positions rise, so that the first of a component is its first record.
    _, first = np.unique(component, return_index=True)
    labels[at] = at[first[component]]
    return labels


def find_near(links: pl.DataFrame, stirred: pl.Series, records: int) -> pl.Series:
    """Positions of all that links lead to from these: whose person may be another one now."""
    labels = label_components(links, records)
    is_near = np.zeros(records, dtype=bool)
    is_near[labels[stirred.to_numpy()]] = True
    return pl.Series("at", np.flatnonzero(is_near[labels]), dtype=pl.UInt32)


def to_bits(probability: float) -> float:
    """Its odds, as the binary logarithm in which evidence adds up."""
    return math.log2(max(probability, 1e-9) / max(1 - probability, 1e-9))


def cluster(  # noqa: PLR0913, PLR0917  everything that decides
    features: pl.DataFrame,
    links: pl.DataFrame,
    never: Iterable[tuple[int, int]],
    rules: Rules,
    judge: Judge,
    prior: float = 0.5,
) -> Clusters:
    """`links`: left, right, evidence, probability, rule; those of rule `always` come last.

    So a person's word joins whole people and parts none; but a link that would make it clash with
    her own `never` is not followed in the first place.
    """
    links = _drop_lonely(links, features.height)
    told = links.filter(pl.col("rule") == ALWAYS)
    forbidden = _by_record(_imply(list(never), label_components(told, features.height)))
    labels = label_components(links, features.height)
    doubtful = _find_doubtful(features, links, labels, forbidden, rules)
    if not len(doubtful):
        return Clusters(labels, _cut_frame([]))
    inside = links.filter(pl.Series(np.isin(labels[links["left"].to_numpy()], doubtful)))
    inside, parts, cuts = _loosen(inside, labels, features.height)
    members = np.flatnonzero(np.isin(labels, doubtful))
    labels[members] = members
    pairs = _compare_within(parts, members, judge)
    grown = _Grown(pairs, forbidden, rules, to_bits(prior))
    rivals = _Rivals(inside, grown)
    for left, right, evidence, chance, rule in _strongest_first(inside):
        reason = None
        if rule in {MODEL, SEVERAL} and rivals.are_as_good(left, right, evidence):
            reason = "fits two people equally well"
        reason = reason or grown.join(left, right, rule)
        if reason:
            cuts.append((left, right, reason, chance))
    for first, together in grown.clusters():
        labels[together] = first
    apart = [cut for cut in cuts if labels[cut[0]] != labels[cut[1]]]
    return Clusters(labels, _cut_frame(apart))


def _drop_lonely(links: pl.DataFrame, records: int) -> pl.DataFrame:
    """Without the links that would take several records, where there are none."""
    is_weak = pl.col("rule") == SEVERAL
    if not links.select(is_weak.any()).item():
        return links
    strong = label_components(links.filter(~is_weak), records)
    size = pl.Series(np.bincount(strong, minlength=records)[strong])
    several = (size[links["left"]] > 1) | (size[links["right"]] > 1)
    return links.filter(~is_weak | several)


def _find_doubtful(
    features: pl.DataFrame,
    links: pl.DataFrame,
    labels: Ints,
    forbidden: dict[int, set[int]],
    rules: Rules,
) -> Ints:
    """The labels of components that might break a limit or that links hold together loosely."""
    linked = links.select("left", "right").unique()
    ties = pl.Series("label", labels[linked["left"].to_numpy()]).value_counts(name="ties")
    several = np.flatnonzero(np.bincount(labels, minlength=features.height)[labels] > 1)
    own = features.select("given", "dob", "email")[several]
    sizes = (
        own.with_columns(pl.Series("label", labels[several]))
        .group_by("label")
        .agg(
            pl.len().cast(pl.Int64).alias("size"),
            *(pl.col(name).drop_nulls().n_unique() for name in ("given", "dob", "email")),
        )
        .join(ties, on="label")
    )
    size = pl.col("size")
    doubtful = sizes.filter(
        (size > rules.max_records)
        | (pl.col("ties") < size * (size - 1) / 2)
        | (pl.col("given") > rules.max_first_names)
        | (pl.col("dob") > rules.max_birth_dates)
        | (pl.col("email") > rules.max_emails)
    )["label"]
    weak = labels[links.filter(pl.col("rule") == SEVERAL)["left"].to_numpy()]
    kept_apart = {
        int(labels[one])
        for one, others in forbidden.items()
        if any(labels[one] == labels[other] for other in others)
    }
    return np.array(sorted({*doubtful.to_list(), *kept_apart, *weak.tolist()}), dtype=np.int64)


Cut = tuple[int, int, str, float | None]


def _loosen(
    links: pl.DataFrame, labels: Ints, records: int
) -> tuple[pl.DataFrame, Ints, list[Cut]]:
    """Components small enough to compare within; the weakest links of larger ones are cut."""
    cuts: list[Cut] = []
    kept = links
    labels = labels.copy()
    while True:
        at = np.unique(np.concatenate([kept["left"].to_numpy(), kept["right"].to_numpy()]))
        labels[at] = label_components(kept, records)[at]
        of = labels[kept["left"].to_numpy()]
        members = np.bincount(labels[at], minlength=records)
        large = members[of] > LARGEST
        if not large.any():
            return kept, labels, cuts
        evidence = kept["evidence"].to_numpy()
        ranks = (
            pl.DataFrame({"of": of, "evidence": evidence})
            .select(pl.col("evidence").quantile(0.2, "higher").over("of"))
            .to_series()
            .to_numpy()
        )
        weak = large & (evidence <= ranks) & (evidence < SURE)
        if not weak.any():
            return kept, labels, cuts
        # Each record's strongest is enough to tell of: a thousand alike have half a million.
        dropped = kept.filter(pl.Series(weak)).sort(-pl.col("evidence"), "left", "right")
        for side in ("left", "right"):
            own = dropped.unique(side, keep="first", maintain_order=True)
            told = own.select("left", "right", "probability")
            cuts += [(a, b, "cluster too large", p) for a, b, p in told.iter_rows()]
        kept = kept.filter(pl.Series(~weak))


def _compare_within(parts: Ints, members: Ints, judge: Judge) -> "_Pairs":
    """All pairs of records within each part, judged."""
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
    return _Pairs(placed, pairs, judge(ends))


class _Pairs:
    """What is known of every pair within the doubtful components."""

    def __init__(self, placed: pl.DataFrame, pairs: pl.DataFrame, judged: Judged) -> None:
        """Each part is a square table of its pairs' numbers, one table after the other."""
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
        """The numbers of all pairs of the one and the other records of one part."""
        start, _, size = self.place[ones[0]]
        rows = np.array([self.place[one][1] for one in ones]) * size + start
        columns = np.array([self.place[other][1] for other in others])
        return np.asarray(self.table[rows[:, None] + columns])

    def weigh(self, ones: list[int], others: list[int]) -> float:
        """What all their records together say for the two being one person, in bits.

        An agreement counts once: two people of one name agree in every record. A disagreement
        counts for as many records as have another one of their own: mistakes do not repeat.
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
        """Whether at least half of what is known of first names, or of birth dates, clashes."""
        at = self.between(ones, others)
        for name, clashes in self.clashes.items():
            found = int(clashes[at].sum())
            if found and 2 * found >= int(self.fields[name].known[at].sum()):
                return True
        return False


class _Rivals:
    """Who else a record might belong to, where the two cannot both be her."""

    def __init__(self, links: pl.DataFrame, grown: "_Grown") -> None:
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


class _Grown:
    """Clusters as they grow, and the limits that they grow within."""

    def __init__(
        self, pairs: _Pairs, forbidden: dict[int, set[int]], rules: Rules, before: float
    ) -> None:
        self.pairs, self.forbidden, self.rules, self.before = pairs, forbidden, rules, before
        self.of: dict[int, int] = {}
        self.members: dict[int, list[int]] = {}
        self.clashes: dict[tuple[int, int, int, int], bool] = {}
        self.limits = (
            ("first names", rules.max_first_names),
            ("birth dates", rules.max_birth_dates),
            ("e-mails", rules.max_emails),
        )

    def join(self, left: int, right: int, rule: str) -> str | None:
        """Puts two records' clusters together, or says why not."""
        one, other = self._cluster(left), self._cluster(right)
        if one == other:
            return None
        reason = self._find_obstacle(self.members[one], self.members[other], rule)
        if reason is None:
            kept, gone = min(one, other), max(one, other)
            self.members[kept] += self.members.pop(gone)
            for record in self.members[kept]:
                self.of[record] = kept
        return reason

    def clash(self, left: int, right: int) -> bool:
        """Whether two records are, so far, of two people that cannot be one."""
        one, other = sorted((self._cluster(left), self._cluster(right)))
        if one == other:
            return False
        # Asked for each of their links; the two only grow, so their sizes tell whether they have.
        ones, others = self.members[one], self.members[other]
        asked = (one, other, len(ones), len(others))
        if asked not in self.clashes:
            self.clashes[asked] = self.pairs.clash(ones, others)
        return self.clashes[asked]

    def clusters(self) -> Iterator[tuple[int, list[int]]]:
        for together in self.members.values():
            yield min(together), together

    def _cluster(self, record: int) -> int:
        if record not in self.of:
            self.of[record] = record
            self.members[record] = [record]
        return self.of[record]

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
        together = self.pairs.weigh(ones, others) + self.before
        if together < CONTRADICTED:
            return "unlike the person's other records"
        if rule == SEVERAL and together < to_bits(self.rules.link):
            return f"less likely than {self.rules.link}"
        for (what, limit), differs in zip(self.limits, self.pairs.differs, strict=True):
            if self._count_different([*ones, *others], differs) > limit:
                return f"more than {limit} {what}"
        return None

    def _count_different(self, records: list[int], differs: NDArray[np.bool_]) -> int:
        """How many records differ clearly from each other, greedily, in the records' order."""
        ordered = sorted(records)
        apart = differs[self.pairs.between(ordered, ordered)]
        found: list[int] = []
        for place in range(len(ordered)):
            if apart[place, found].all():
                found.append(place)
        return len(found)


def _strongest_first(links: pl.DataFrame) -> Iterator[tuple[int, int, float, float | None, str]]:
    ordered = links.sort(
        pl.col("rule") == ALWAYS,
        "evidence",
        "left",
        "right",
        descending=[False, True, False, False],
    )
    yield from ordered.select("left", "right", "evidence", "probability", "rule").iter_rows()


def _imply(never: list[tuple[int, int]], told: Ints) -> Iterator[tuple[int, int]]:
    """Whoever is always one with either of a pair under never is never one with the other."""
    groups: dict[int, list[int]] = defaultdict(list)
    wanted = {int(told[record]) for pair in never for record in pair}
    for record in np.flatnonzero(np.isin(told, list(wanted))):
        groups[int(told[record])].append(int(record))
    for left, right in never:
        if told[left] == told[right]:
            yield left, right
        else:
            yield from product(groups[int(told[left])], groups[int(told[right])])


def _by_record(pairs: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    apart: dict[int, set[int]] = defaultdict(set)
    for left, right in pairs:
        apart[left].add(right)
        apart[right].add(left)
    return dict(apart)


def _cut_frame(cuts: list[Cut]) -> pl.DataFrame:
    schema = {"left": pl.UInt32, "right": pl.UInt32, "reason": pl.String, "probability": pl.Float64}
    return (
        pl.DataFrame(cuts, schema=schema, orient="row")
        .unique(["left", "right"])
        .sort("left", "right")
    )
