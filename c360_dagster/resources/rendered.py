"""What dbt sent to the database for a build, kept, and sent again without dbt.

dbt renders, compares and logs each node for longer than a small one takes to run. As long as
nothing that it renders from has changed, its statements are the same; a node that does not go
through this way is dbt's again, with its words and its way to fail.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from itertools import dropwhile
from pathlib import Path
from typing import Any

import duckdb

from c360_dagster.loading.sql import fetch_row, literal, quote
from c360_dagster.resources.whole_files import replace_file

FOLDER = "rendered"
EXTENT = "since"
PLACED = ("as_of", EXTENT, "run_id", "published_at")
"""Variables that differ from run to run. Others are part of what a build is known by."""
LEFT_OUT = ("select", "describe", "drop")
"""Of a model's statements: comparing its columns with a contract, because what was found equal
stays so; and making way for a table where a view was, which is not done twice.
"""
COUNTING = "as should_error"
"""What a test's first statement ends its columns with."""
THREADS = 2
"""As dbt's own profile has it."""
TUPLES = ("after", "reads", "asks", "statements")
SEED_TYPES = {"string": "varchar"}

Variables = Mapping[str, str | None]


@dataclass(frozen=True)
class Rendered:
    """One node: what it is called, what it reads, and its statements, `{{name}}` for variables."""

    unique_id: str
    name: str
    """What it stands under: a relation's name, a test's id."""
    selector: str
    schema: str
    relation: str
    severity: str
    """Of a test; and what makes it warn."""
    warn_if: str
    after: tuple[str, ...]
    """The nodes that it reads."""
    reads: tuple[str, ...]
    """The relations that these are."""
    asks: tuple[str, ...]
    """Which of the variables that differ from run to run it is given."""
    statements: tuple[str, ...]
    sql: str
    """What a model's `select` was."""

    @property
    def is_test(self) -> bool:
        return _is_test(self.unique_id)


@dataclass(frozen=True)
class Ended:
    """What became of a node that went through."""

    status: str
    message: str
    failures: int | None = None


class Shelf:
    """The builds that are known, each in a file named for all that it was rendered from.

    Nothing is known of a project that was parsed by nobody, and so has no name.
    """

    def __init__(self, target: Path, project: str, warehouse: str) -> None:
        self._folder = target / FOLDER
        self._known_by = [project, Path(warehouse).stem]
        self._has_name = bool(project)

    def find(self, select: Sequence[str], variables: Variables) -> list[Rendered]:
        """The nodes; none where the build is not known."""
        if not self._has_name:
            return []
        with contextlib.suppress(OSError, ValueError, TypeError, LookupError):
            kept = json.loads(self._path(select, variables).read_text("utf-8"))
            return [
                Rendered(**node | {name: tuple(node[name]) for name in TUPLES}) for node in kept
            ]
        return []

    def put(self, select: Sequence[str], variables: Variables, nodes: Iterable[Rendered]) -> None:
        if not self._has_name:
            return
        path = self._path(select, variables)
        with contextlib.suppress(OSError):  # a read-only installation asks dbt each time
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_file(path, json.dumps([asdict(node) for node in nodes]))

    def _path(self, select: Sequence[str], variables: Variables) -> Path:
        given = {name: value for name, value in variables.items() if value is not None}
        given |= {name: "" for name in PLACED if name in given}
        known_by = [*self._known_by, sorted(select), sorted(given.items())]
        return self._folder / f"{hashlib.sha256(repr(known_by).encode()).hexdigest()[:32]}.json"


def describe(
    manifest: Mapping[str, Any],
    node: Mapping[str, Any],
    statements: Sequence[str],
    sql: str,
    variables: Variables,
) -> Rendered:
    """A node of the manifest with what dbt sent for it."""
    kind, config = node["resource_type"], node.get("config", {})
    after = tuple(node["depends_on"].get("nodes", ()))
    if kind == "seed":
        statements = [_write_seed(node)]
    elif kind == "model":
        statements = [each for each in statements if not _is_left_out(each)]
    else:  # dbt may look at the catalogue first, and where none fails, drop the rows kept before
        asked = dropwhile(lambda each: COUNTING not in each, statements)
        statements = [each for each in asked if COUNTING in each or not _is_left_out(each)]
    places = {
        literal(value): _place(name)
        for name, value in variables.items()
        if name in PLACED and value and _asks_for(node, name)
    }
    return Rendered(
        unique_id=node["unique_id"],
        name=node["unique_id"] if kind == "test" else _name_relation(manifest, node["unique_id"]),
        selector=".".join(node["fqn"]),
        schema=node["schema"],
        relation=node.get("relation_name") or "",
        severity=str(config.get("severity", "error")).lower(),
        warn_if=str(config.get("warn_if", "")),
        after=after,
        reads=tuple(_name_relation(manifest, each) for each in after),
        asks=tuple(name for name in PLACED if _asks_for(node, name)),
        statements=tuple(_replace(statement, places) for statement in statements),
        sql=sql,
    )


def _name_relation(manifest: Mapping[str, Any], unique_id: str) -> str:
    node = manifest["nodes"].get(unique_id) or manifest["sources"][unique_id]
    return f"{node['schema']}.{node.get('alias') or node['name']}"


def send(
    con: duckdb.DuckDBPyConnection,
    nodes: Sequence[Rendered],
    kept: Mapping[str, Ended],
    variables: Variables,
) -> Generator[tuple[Rendered, Ended, float], None, None]:
    """Each node that went through, with its seconds. What waits for another is not begun.

    What is kept, by unique id, is not sent, and has its turn all the same: a view may show what is
    yet to be made, to whatever reads it.
    """
    by_id = {node.unique_id: node for node in nodes}
    order = TopologicalSorter(_arrange(by_id))
    order.prepare()
    values = {_place(name): literal(value) for name in PLACED if (value := variables.get(name))}
    for schema in sorted({node.schema for node in nodes if node.unique_id not in kept}):
        con.execute(f"create schema if not exists {quote(schema)}")
    with ThreadPoolExecutor(THREADS) as pool:
        running: dict[Future[tuple[Ended | None, float]], Rendered] = {}
        while True:
            while ready := order.get_ready():
                for each in ready:
                    if each in kept:
                        order.done(each)
                        yield by_id[each], kept[each], 0.0
                    else:
                        running[pool.submit(_send_timed, con, by_id[each], values)] = by_id[each]
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                node = running.pop(future)
                ended, seconds = future.result()
                if ended or _only_warns(node):
                    order.done(node.unique_id)
                if ended:
                    yield node, ended, seconds


def _arrange(nodes: Mapping[str, Rendered]) -> dict[str, set[str]]:
    """What each node waits for: what it reads, and each test of nothing but what it reads."""
    waits = {name: {each for each in node.after if each in nodes} for name, node in nodes.items()}
    behind: dict[str, set[str]] = {}
    for name in TopologicalSorter(waits).static_order():
        behind[name] = waits[name].union(*(behind[each] for each in waits[name]))
    tests = {name: waits[name] for name in nodes if _is_test(name) and waits[name]}
    return {
        name: before
        if _is_test(name)
        else before | {test for test, reads in tests.items() if reads <= behind[name]}
        for name, before in waits.items()
    }


def _is_test(name: str) -> bool:
    return name.startswith("test.")


def _only_warns(node: Rendered) -> bool:
    return node.is_test and node.severity == "warn"


def _send_timed(
    con: duckdb.DuckDBPyConnection, node: Rendered, values: Mapping[str, str]
) -> tuple[Ended | None, float]:
    started = time.monotonic()
    with con.cursor() as cursor:
        ended = _send(cursor, node, values)
    return ended, time.monotonic() - started


def _send(
    con: duckdb.DuckDBPyConnection, node: Rendered, values: Mapping[str, str]
) -> Ended | None:
    """None where it did not go through, and nothing of it remains."""
    statements = [_replace(statement, values) for statement in node.statements]
    try:
        if node.is_test:
            return _test(con, node, statements)
        for statement in statements:
            con.execute(statement)
    except duckdb.Error:
        with contextlib.suppress(duckdb.Error):  # there may be no transaction
            con.rollback()
        return None
    return Ended("success", "OK")


def _test(
    con: duckdb.DuckDBPyConnection, node: Rendered, statements: Sequence[str]
) -> Ended | None:
    """Passed, or a warning whose rows dbt has kept before; whatever else is told by dbt."""
    counting, *keeping = statements
    failures, is_warning, is_error = fetch_row(con, counting) or (None, True, True)
    if not is_warning and not is_error:
        con.execute(f"drop table if exists {node.relation}")
        return Ended("pass", "PASS", failures=0)
    if node.severity != "warn" or not keeping:
        return None
    for statement in keeping:
        con.execute(statement)
    rows = "1 result" if failures == 1 else f"{failures} results"
    return Ended("warn", f"Got {rows}, configured to warn if {node.warn_if}", int(failures))


def _place(variable: str) -> str:
    return f"{{{{{variable}}}}}"


def _replace(statement: str, values: Mapping[str, str]) -> str:
    for old, new in values.items():
        statement = statement.replace(old, new)
    return statement


def _asks_for(node: Mapping[str, Any], variable: str) -> bool:
    if variable == EXTENT:  # macros ask for it, of every model that can be continued
        return bool(node.get("config", {}).get("materialized") == "incremental")
    return f"var('{variable}')" in str(node.get("raw_code", "")).replace('"', "'")


def _is_left_out(statement: str) -> bool:
    after_comment = statement.rpartition("*/")[2] if statement.startswith("/*") else statement
    return after_comment.lstrip().lower().startswith(LEFT_OUT)


def _write_seed(node: Mapping[str, Any]) -> str:
    path = Path(node["root_path"]) / node["original_file_path"]
    types = ", ".join(
        f"{literal(name)}: {literal(SEED_TYPES.get(kind, kind))}"
        for name, kind in node["config"]["column_types"].items()
    )
    options = f"header = true, types = {{{types}}}, hive_partitioning = false"
    return (
        f"create or replace table {quote(node['schema'])}.{quote(node['alias'])} as "
        f"from read_csv({literal(str(path))}, {options})"
    )
