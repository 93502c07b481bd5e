"""Finds the nodes of a build that need not be built again, and marks those that were built."""

from collections.abc import Collection, Iterable, Mapping
from graphlib import TopologicalSorter

import duckdb

from c360_dagster.building.marks import (
    digest,
    mark_sources,
    note_passes,
    read_marks,
    write_marks,
)
from c360_dagster.dbt_runner.rendered import RUN_VARIABLES, SINCE, Rendered, Variables
from c360_dagster.sql import transaction

PASSED = "pass"

Marks = Mapping[str, str | None]
"""A mark, or None, by the relation's name or the test's id."""


def mark_nodes(
    con: duckdb.DuckDBPyConnection,
    nodes: Iterable[Rendered],
    variables: Variables,
    views: Collection[Rendered] = (),
) -> Marks:
    """Returns a digest of what each node would be made of now; None if too little is known.

    It does not matter whether a node is built whole or continued, because both give the same rows.
    `views` are read by the nodes but not built with them. If what a view shows has changed since it
    was built, its mark and those of its readers are None.
    """
    by_name = {node.name: node for node in (*views, *nodes)}
    outside = {name for node in by_name.values() for name in node.reads} - by_name.keys()
    shown, written = {view.name for view in views}, read_marks(con)
    marks: dict[str, str | None] = {**written, **mark_sources(con, outside)}
    fixed = sorted((name, value) for name, value in variables.items() if name not in RUN_VARIABLES)
    order = TopologicalSorter({name: node.reads for name, node in by_name.items()})
    for name in order.static_order():
        if node := by_name.get(name):
            reads = [marks.get(each) for each in node.reads]
            values = [variables.get(each) for each in node.variables if each != SINCE]
            made_of = digest(node.origin, fixed, values, reads)
            is_known = None not in reads and (name not in shown or made_of == written.get(name))
            marks[name] = made_of if is_known else None
    return marks


def find_standing(
    con: duckdb.DuckDBPyConnection, nodes: Iterable[Rendered], marks: Marks
) -> list[Rendered]:
    """Returns relations that would come out the same, and tests that passed on the same."""
    written = read_marks(con)
    return [
        node for node in nodes if marks[node.name] and written.get(node.name) == marks[node.name]
    ]


def record_marks(
    con: duckdb.DuckDBPyConnection,
    ended: Iterable[tuple[Rendered, str]],
    marks: Marks,
    run: str | None = None,
) -> None:
    """Writes the marks of the relations that were built, and of the tests that passed."""
    statuses = dict(ended)
    tests = {node for node in statuses if node.is_test}
    passed = {test.name: marks[test.name] if statuses[test] == PASSED else None for test in tests}
    with transaction(con):
        write_marks(con, {node.name: marks[node.name] for node in statuses.keys() - tests}, run)
        note_passes(con, passed)
