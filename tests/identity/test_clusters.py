"""Links become people: all that are connected if nothing forbids it, otherwise within limits."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from c360_dagster.identity import growing
from c360_dagster.identity.clusters import cluster
from c360_dagster.identity.forms import FEATURES
from c360_dagster.identity.links import SCHEMA, SEVERAL, Field, Judged
from c360_dagster.identity.rules import Rules

GENEROUS = Rules.read(
    {"limits": {"records": 999, "birth_dates": 999, "first_names": 999, "emails": 999}}
)


def find_components(edges: list[tuple[int, int]], nodes: int) -> list[int]:
    """Finds connected components in a simple way, to compare with: it walks from each node."""
    near: dict[int, set[int]] = {node: set() for node in range(nodes)}
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    labels = [-1] * nodes
    for start in range(nodes):
        queue = [start] if labels[start] < 0 else []
        while queue:
            node = queue.pop()
            if labels[node] < 0:
                labels[node] = start
                queue += near[node]
    return labels


def link(edges: list[tuple[int, int]], evidence: list[float] | None = None) -> pl.DataFrame:
    bits = evidence or [20.0] * len(edges)
    return pl.DataFrame(
        [(a, b, e, 0.99, "model", None, None) for (a, b), e in zip(edges, bits, strict=True)],
        schema=SCHEMA,
        orient="row",
    )


Pairs = frozenset[tuple[int, int]]
NONE: Pairs = frozenset()


def judge_as(
    clashing: Pairs, unlike: Pairs = NONE, births: Pairs = NONE
) -> Callable[[pl.DataFrame], Judged]:
    def judge(pairs: pl.DataFrame) -> Judged:
        at = list(pairs.iter_rows())
        no = np.zeros(len(at), dtype=bool)
        bits = np.array([-50.0 if pair in unlike else 5.0 for pair in at])
        return Judged(
            evidence=pl.Series(bits, dtype=pl.Float64),
            first_clashes=np.array([pair in clashing for pair in at], dtype=bool),
            birth_clashes=no,
            first_differs=no,
            birth_differs=np.array([pair in births for pair in at], dtype=bool),
            email_differs=no,
            rule=pl.Series([None] * len(at), dtype=pl.String),
            held=pl.Series([None] * len(at), dtype=pl.String),
            fields={"first": Field(bits, ~no), "dob": Field(bits, ~no)},
        )

    return judge


def blank(records: int) -> pl.DataFrame:
    return pl.DataFrame({name: [None] * records for name in FEATURES}, schema=FEATURES)


@pytest.mark.parametrize("seed", range(20))
def test_people_without_clashes_are_the_connected_components(seed: int) -> None:
    draw = random.Random(seed)
    nodes = draw.randrange(2, 60)
    every = list(combinations(range(nodes), 2))
    edges = sorted(draw.sample(every, min(len(every), draw.randrange(1, nodes + 5))))
    found = cluster(blank(nodes), link(edges), [], GENEROUS, judge_as(NONE))
    assert found.labels.tolist() == find_components(edges, nodes)
    assert found.cuts.height == 0


def test_the_weakest_link_between_two_that_clash_is_cut() -> None:
    found = cluster(
        blank(4),
        link([(0, 1), (1, 2), (2, 3)], [30.0, 10.0, 25.0]),
        [],
        GENEROUS,
        judge_as(frozenset({(0, 2), (0, 3), (1, 3)})),
    )
    assert found.labels.tolist() == [0, 0, 2, 2]
    assert found.cuts.rows() == [(1, 2, "clashes with another record of that person", 0.99)]


def test_one_wrong_record_does_not_keep_a_person_apart() -> None:
    """Of four linked records, two clash.

    That is one of the four pairs between the two halves: too few to part them.
    """
    found = cluster(
        blank(4),
        link([(0, 1), (1, 2), (2, 3)], [30.0, 10.0, 25.0]),
        [],
        GENEROUS,
        judge_as(frozenset({(0, 3)})),
    )
    assert found.labels.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(("speaking", "people"), [(20.0, 1), (-20.0, 2)])
def test_a_weak_link_needs_the_support_of_several_records(speaking: float, people: int) -> None:
    """The third record resembles the first only a little, so its likeness to the second decides."""
    links = link([(0, 1)]).vstack(link([(0, 2)], [5.0]).with_columns(rule=pl.lit(SEVERAL)))

    def judge(pairs: pl.DataFrame) -> Judged:
        told = judge_as(NONE)(pairs)
        bits = np.array([speaking if pair == (1, 2) else 2.0 for pair in pairs.iter_rows()])
        return replace(told, fields={name: Field(bits, bits != 0) for name in told.fields})

    assert len(set(cluster(blank(3), links, [], GENEROUS, judge).labels)) == people
    alone = link([(0, 2)], [5.0]).with_columns(rule=pl.lit(SEVERAL))
    assert len(set(cluster(blank(3), alone, [], GENEROUS, judge).labels)) == 3


def test_a_chain_of_decreasing_similarity_is_cut() -> None:
    far = frozenset({(0, 2), (0, 3), (1, 3)})
    found = cluster(
        blank(4),
        link([(0, 1), (1, 2), (2, 3)], [30.0, 10.0, 25.0]),
        [],
        GENEROUS,
        judge_as(NONE, far),
        0.5,
    )
    assert found.labels.tolist() == [0, 0, 2, 2]


def test_a_record_that_fits_two_clashing_people_equally_joins_neither() -> None:
    found = cluster(
        blank(3),
        link([(0, 2), (1, 2)], [20.0, 21.0]),
        [],
        GENEROUS,
        judge_as(frozenset({(0, 1)})),
        0.5,
    )
    assert found.labels.tolist() == [0, 1, 2]
    assert set(found.cuts["reason"]) == {"fits two people equally well"}


def test_two_groups_are_held_against_each_other_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of links between them does not matter: 100 equal records have 5 000 links."""
    asked = 0
    clash = growing.Pairs.clash

    def count(pairs: growing.Pairs, ones: list[int], others: list[int]) -> bool:
        nonlocal asked
        asked += 1
        return clash(pairs, ones, others)

    monkeypatch.setattr(growing.Pairs, "clash", count)
    links = link(list(combinations(range(100), 2)))
    found = cluster(blank(100), links, [], Rules.read(), judge_as(NONE))
    assert len({*found.labels.tolist()}) == 3, "40, 40 and 20"
    assert asked < 3 * links.height, asked


def test_limits_hold() -> None:
    chain = [(n, n + 1) for n in range(9)]
    few = Rules.read({"limits": {"records": 4}})
    found = cluster(blank(10), link(chain), [], few, judge_as(NONE))
    assert np.bincount(found.labels).max() <= 4
    every = frozenset(combinations(range(3), 2))
    dates = blank(3).with_columns(dob=pl.Series(["1950-01-01", "1960-02-02", "1970-03-03"]))
    born = Rules.read({"limits": {"birth_dates": 2}})
    found = cluster(dates, link(sorted(every)), [], born, judge_as(NONE, births=every))
    assert np.bincount(found.labels).max() == 2
    assert set(found.cuts["reason"]) == {"more than 2 birth dates"}


def test_never_parts_whole_people() -> None:
    found = cluster(
        blank(3),
        link([(0, 1), (1, 2)], [9.0, 8.0]),
        [(0, 2)],
        GENEROUS,
        judge_as(NONE),
        0.5,
    )
    assert found.labels.tolist() == [0, 0, 2]
