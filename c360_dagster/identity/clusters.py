"""Makes people from links. Some links are not followed: a person's records must fit together.

Groups whose records are all linked to each other are taken as they are. The others grow link by
link, strongest first, and a link that would exceed a limit is cut and reported.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl

from c360_dagster.identity.growing import Grown, Ints, Judge, Rivals, compare_within, to_bits
from c360_dagster.identity.links import ALWAYS, MODEL, SEVERAL
from c360_dagster.identity.rules import Rules

LARGEST = 150
"""A component of more records first loses its weakest links, because all its pairs will be
compared."""
ALWAYS_EVIDENCE = 1000.0
"""The evidence of a pair under always, in bits: no other link is as strong."""


@dataclass(frozen=True)
class Clusters:
    labels: Ints
    """For each record, the position of its cluster's first record."""
    cuts: pl.DataFrame
    """The links that were not followed: left, right, reason, probability."""


def label_components(links: pl.DataFrame, records: int) -> Ints:
    """Returns for each record the position of the first record that links lead to."""
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
    # `at` is sorted, so a component's first entry is its first record.
    _, first = np.unique(component, return_index=True)
    labels[at] = at[first[component]]
    return labels


def find_affected(links: pl.DataFrame, changed: pl.Series, records: int) -> pl.Series:
    """Returns the positions of all records linked to these, whose person may have changed."""
    labels = label_components(links, records)
    is_affected = np.zeros(records, dtype=bool)
    is_affected[labels[changed.to_numpy()]] = True
    return pl.Series("at", np.flatnonzero(is_affected[labels]), dtype=pl.UInt32)


def cluster(  # noqa: PLR0913, PLR0917  everything that decides
    features: pl.DataFrame,
    links: pl.DataFrame,
    never: Iterable[tuple[int, int]],
    rules: Rules,
    judge: Judge,
    prior: float = 0.5,
) -> Clusters:
    """Groups records into people by `links`: left, right, evidence, probability, rule.

    Links of rule `always` are followed last, so that a decision joins whole people and never splits
    one. A link that would make `always` clash with `never` is not followed in the first place.
    """
    links = _drop_unsupported(links, features.height)
    always = links.filter(pl.col("rule") == ALWAYS)
    forbidden = _by_record(_expand_never(list(never), label_components(always, features.height)))
    labels = label_components(links, features.height)
    doubtful = _find_doubtful(features, links, labels, forbidden, rules)
    if not len(doubtful):
        return Clusters(labels, _cut_frame([]))
    inside = links.filter(pl.Series(np.isin(labels[links["left"].to_numpy()], doubtful)))
    inside, parts, cuts = _cut_large_components(inside, labels, features.height)
    members = np.flatnonzero(np.isin(labels, doubtful))
    labels[members] = members
    pairs = compare_within(parts, members, judge)
    grown = Grown(pairs, forbidden, rules, to_bits(prior))
    rivals = Rivals(inside, grown)
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


def _drop_unsupported(links: pl.DataFrame, records: int) -> pl.DataFrame:
    """Drops `several records` links between two single records: they need further records."""
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
    """Returns the labels of components that might break a limit or are not linked throughout."""
    linked = links.select("left", "right").unique()
    ties = pl.Series("label", labels[linked["left"].to_numpy()]).value_counts(name="ties")
    several = np.flatnonzero(np.bincount(labels, minlength=features.height)[labels] > 1)
    limited = features.select("given", "dob", "email")[several]
    sizes = (
        limited.with_columns(pl.Series("label", labels[several]))
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


def _cut_large_components(
    links: pl.DataFrame, labels: Ints, records: int
) -> tuple[pl.DataFrame, Ints, list[Cut]]:
    """Cuts the weakest links of large components until all are small enough to compare within."""
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
        weak = large & (evidence <= ranks) & (evidence < ALWAYS_EVIDENCE)
        if not weak.any():
            return kept, labels, cuts
        # Only each record's strongest dropped link is reported, because a thousand similar records
        # have half a million.
        dropped = kept.filter(pl.Series(weak)).sort(-pl.col("evidence"), "left", "right")
        for side in ("left", "right"):
            strongest = dropped.unique(side, keep="first", maintain_order=True)
            reported = strongest.select("left", "right", "probability")
            cuts += [(a, b, "cluster too large", p) for a, b, p in reported.iter_rows()]
        kept = kept.filter(pl.Series(~weak))


def _strongest_first(links: pl.DataFrame) -> Iterator[tuple[int, int, float, float | None, str]]:
    ordered = links.sort(
        pl.col("rule") == ALWAYS,
        "evidence",
        "left",
        "right",
        descending=[False, True, False, False],
    )
    yield from ordered.select("left", "right", "evidence", "probability", "rule").iter_rows()


def _expand_never(never: list[tuple[int, int]], labels: Ints) -> Iterator[tuple[int, int]]:
    """Yields the pairs under never, and those that follow from them together with always.

    Records with the same label are one person by the pairs under always.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    wanted = {int(labels[record]) for pair in never for record in pair}
    for record in np.flatnonzero(np.isin(labels, list(wanted))):
        groups[int(labels[record])].append(int(record))
    for left, right in never:
        if labels[left] == labels[right]:
            yield left, right
        else:
            yield from product(groups[int(labels[left])], groups[int(labels[right])])


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
