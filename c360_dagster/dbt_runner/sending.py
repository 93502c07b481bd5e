"""Sends the statements that dbt rendered before: nodes in parallel, each after what it waits for.

A node that fails leaves nothing behind. dbt then tries it again and reports it in its own way.
"""

import time
from collections.abc import Collection, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter

import duckdb

from c360_dagster.dbt_runner.rendered import (
    RUN_VARIABLES,
    Rendered,
    Variables,
    fill_in,
    placeholder,
)
from c360_dagster.sql import fetch_row, literal, quote

THREADS = 2
"""The same as in dbt's own profile."""


@dataclass(frozen=True)
class Outcome:
    """What became of a node that succeeded: a model was built, a test passed or warned."""

    status: str
    message: str
    failures: int | None = None


def send(
    con: duckdb.DuckDBPyConnection,
    nodes: Sequence[Rendered],
    kept: Mapping[str, Outcome],
    variables: Variables,
) -> Generator[tuple[Rendered, Outcome, float], None, None]:
    """Yields each node that succeeded, with its seconds.

    Nodes that wait for a failed one are not begun. Nodes in `kept`, by unique id, are not sent, but
    they wait for their turn like the others: a kept view may show a table that is yet to be built.
    """
    by_id = {node.unique_id: node for node in nodes}
    order = TopologicalSorter(_find_prerequisites(by_id))
    order.prepare()
    values = {
        placeholder(name): literal(value)
        for name in RUN_VARIABLES
        if (value := variables.get(name))
    }
    for schema in sorted({node.schema for node in nodes}):
        con.execute(f"create schema if not exists {quote(schema)}")
    with ThreadPoolExecutor(THREADS) as pool:
        running: dict[Future[tuple[Outcome | None, float]], Rendered] = {}
        try:
            while True:
                while ready := order.get_ready():
                    for node in map(by_id.__getitem__, ready):
                        if node.unique_id in kept:
                            order.done(node.unique_id)
                            yield node, kept[node.unique_id], 0.0
                        else:
                            running[pool.submit(_send_timed, con, node, values)] = node
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    node = running.pop(future)
                    ended, seconds = future.result()
                    if ended or _only_warns(node):
                        order.done(node.unique_id)
                    if ended:
                        yield node, ended, seconds
        finally:  # a run that is stopped waits for nodes that are being built and begins no others
            pool.shutdown(wait=False, cancel_futures=True)


def _find_prerequisites(nodes: Mapping[str, Rendered]) -> dict[str, set[str]]:
    """Returns what each node waits for: the nodes it reads and, for a model or seed, tests.

    Those are the tests that read only nodes that come before the model, directly or not.
    """
    waits = {name: {each for each in node.after if each in nodes} for name, node in nodes.items()}
    behind: dict[str, set[str]] = {}
    for name in TopologicalSorter(waits).static_order():
        behind[name] = waits[name].union(*(behind[each] for each in waits[name]))
    tests = {name: waits[name] for name, node in nodes.items() if node.is_test and waits[name]}
    return {
        name: before
        if nodes[name].is_test
        else before | {test for test, reads in tests.items() if reads <= behind[name]}
        for name, before in waits.items()
    }


def find_leading(nodes: Sequence[Rendered], done: Collection[str]) -> list[Rendered]:
    """Returns the nodes that only dbt can build, if it can build them before all others are sent.

    Returns none if one of them has to wait for a node that is yet to be sent.
    """
    waits = _find_prerequisites({node.unique_id: node for node in nodes})
    unknown = [node for node in nodes if not node.statements and node.unique_id not in done]
    before = {node.unique_id for node in unknown}.union(done)
    return unknown if all(waits[node.unique_id] <= before for node in unknown) else []


def _only_warns(node: Rendered) -> bool:
    return node.is_test and node.severity == "warn"


def _send_timed(
    con: duckdb.DuckDBPyConnection, node: Rendered, values: Mapping[str, str]
) -> tuple[Outcome | None, float]:
    started = time.monotonic()
    with con.cursor() as cursor:
        ended = _send(cursor, node, values)
    return ended, time.monotonic() - started


def _send(
    con: duckdb.DuckDBPyConnection, node: Rendered, values: Mapping[str, str]
) -> Outcome | None:
    """Returns None if the node failed (nothing of it remains then) or if dbt has to render it."""
    if not node.statements:
        return None
    statements = [fill_in(statement, values) for statement in node.statements]
    try:
        if node.is_test:
            return _test(con, node, statements)
        for statement in statements:
            con.execute(statement)
    except duckdb.Error:
        return None  # closing the cursor undoes what was begun
    return Outcome("success", "OK")


def _test(
    con: duckdb.DuckDBPyConnection, node: Rendered, statements: Sequence[str]
) -> Outcome | None:
    """Returns a pass, or a warning if it is known how to keep the rows; leaves the rest to dbt."""
    counting, *keeping = statements
    failures, is_warning, is_error = fetch_row(con, counting) or (None, True, True)
    if failures is None or (failures and not keeping):
        return None
    if node.severity != "warn" and (is_warning or is_error):
        return None
    for statement in keeping if failures else [f"drop table if exists {node.relation}"]:
        con.execute(statement)
    if not is_warning:
        return Outcome("pass", "PASS", failures=0)
    rows = "1 result" if failures == 1 else f"{failures} results"
    return Outcome("warn", f"Got {rows}, configured to warn if {node.warn_if}", int(failures))
