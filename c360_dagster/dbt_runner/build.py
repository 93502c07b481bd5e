"""Builds dbt's project and yields the results as they come.

The first model starts after eight seconds with the stock command, after one second with dbt in this
process, and at once if dbt has rendered the same statements before.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import duckdb

from c360_dagster.dbt_runner import dbt_project
from c360_dagster.dbt_runner.background import Emit, run_in_thread
from c360_dagster.dbt_runner.dbt_project import digest_foundation, read_known, read_stamp
from c360_dagster.dbt_runner.invocation import Dbt, NodeResult
from c360_dagster.dbt_runner.marks import Marks, find_standing, mark_nodes, record_marks
from c360_dagster.dbt_runner.rendered import FOLDER, Rendered, StatementCache, Variables
from c360_dagster.dbt_runner.sending import Outcome, find_leading, send
from c360_dagster.resources.warehouse import limit_memory

STANDS = "stands: nothing that it is made of has changed"
MEMORY_LIMIT = "5GB"
"""The same as in dbt's own profile."""


class Extent(dg.ConfigurableResource):
    """How much a run builds.

    Only a run's configuration sets this, so it is kept apart from resources that have settings.
    """

    full_refresh: bool = False
    """Whether to build everything, even what could continue the last run."""
    asked_by: str = ""
    """The command that somebody typed, for the messages about its run."""


class DbtBuilder(dg.ConfigurableResource):
    """Builds models, seeds and tests in the warehouse; `subprocess` is the stock way."""

    warehouse: str
    mode: str = "inprocess"

    def build(
        self,
        *,
        select: Sequence[str],
        variables: Variables,
        scratch: Path,
        anew: bool = False,
        close_connection: Callable[[], None] = lambda: None,
    ) -> Iterator[NodeResult]:
        """Builds the selected nodes and yields their results as they come.

        Nodes that would come out the same are kept, unless `anew` is set. Statements that dbt
        rendered before are sent without dbt; dbt builds only nodes that are not known or that
        failed. `close_connection` closes the caller's connection before dbt opens its own.
        """
        scratch.mkdir(parents=True, exist_ok=True)
        dbt = Dbt(self.warehouse, self.mode, scratch)
        if not (project := read_stamp()):
            close_connection()
            return dbt.build(select, variables)
        manifest = read_known(project)
        cache = StatementCache(
            manifest,
            dbt_project.TARGET / FOLDER,
            foundation=digest_foundation(manifest),
            database=Path(self.warehouse).stem,
            given=variables,
        )
        nodes = cache.choose(select) if dbt.is_in_process else []
        return _Build(dbt, cache, nodes, variables, close_connection).run(select, anew=anew)


@dataclass
class _Build:
    """A build of a project that has been parsed before, so that its nodes are known."""

    dbt: Dbt
    cache: StatementCache
    nodes: Sequence[Rendered]
    """Empty if only dbt can tell which nodes are selected."""
    variables: Variables
    close_connection: Callable[[], None]
    is_connection_closed: bool = False
    standing: dict[str, Outcome] = field(default_factory=dict)
    """By unique id, the nodes that are kept as they are and only wait for their turn."""
    ended: dict[str, Outcome] = field(default_factory=dict)
    """By unique id, the nodes that succeeded, and those of `standing` whose turn has come."""

    def run(self, select: Sequence[str], *, anew: bool) -> Iterator[NodeResult]:
        yield from self._send(anew=anew)
        leading = find_leading(self.nodes, self.ended.keys() | self.standing.keys())
        if 0 < len(leading) < len(self._left):
            yield from (result for result in self._run_dbt(leading) if result.has_succeeded)
            yield from self._send(anew=anew)
        if self._left or not self.nodes:
            yield from self._run_dbt(self._left, select)

    @property
    def _left(self) -> list[Rendered]:
        return [node for node in self.nodes if node.unique_id not in self.ended]

    def _send(self, *, anew: bool) -> Iterator[NodeResult]:
        if not any(node.statements for node in self.nodes):
            return
        with self._connect() as con:
            marks = self._mark(con, self.nodes)
            if not anew:
                standing = find_standing(con, self.nodes, marks)
                self.standing = {node.unique_id: _keep(node) for node in standing}
            kept = self.standing | self.ended
            sent = []
            for node, ended, seconds in _send_in_thread(con, self.nodes, kept, self.variables):
                if node.unique_id in self.ended:
                    continue
                self.ended[node.unique_id] = ended
                if node.unique_id not in kept:
                    sent.append((node, ended.status))
                yield NodeResult(
                    node.unique_id,
                    ended.status,
                    ended.message,
                    seconds,
                    ended.failures,
                    node.sql,
                    is_connection_closed=self.is_connection_closed,
                )
            record_marks(con, sent, marks, self.variables.get("run_id"))

    def _run_dbt(
        self, nodes: Sequence[Rendered], select: Sequence[str] = ()
    ) -> Iterator[NodeResult]:
        self.close_connection()
        self.is_connection_closed = True
        built, failed = [], []
        for result in self.dbt.build([node.selector for node in nodes] or select, self.variables):
            node = self.cache.describe(result.unique_id, result.statements, result.sql)
            if node and result.has_succeeded:
                built.append((node, result.status))
                self.ended[node.unique_id] = Outcome(result.status, result.message, result.failures)
            elif node and node.is_test and result.is_bad:
                failed.append((node, result.status))
            yield result
        with self._connect() as con:
            marks = self._mark(con, [node for node, _ in built])
            record_marks(con, [*built, *failed], marks, self.variables.get("run_id"))
        if self.dbt.is_in_process:
            for node, _ in built:
                self.cache.put(node)

    def _mark(self, con: duckdb.DuckDBPyConnection, nodes: Sequence[Rendered]) -> Marks:
        return mark_nodes(con, nodes, self.variables, self.cache.find_views(nodes))

    @contextlib.contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(self.dbt.warehouse) as con:
            limit_memory(con, MEMORY_LIMIT, self.dbt.scratch)
            yield con


def _send_in_thread(
    con: duckdb.DuckDBPyConnection,
    nodes: Sequence[Rendered],
    kept: Mapping[str, Outcome],
    variables: Variables,
) -> Iterator[tuple[Rendered, Outcome, float]]:
    """Sends the nodes in a thread of its own.

    To tell Dagster about a node takes as long as to build a small one; the next are sent meanwhile.
    """

    def run(emit: Emit[tuple[Rendered, Outcome, float]]) -> None:
        with contextlib.closing(send(con, nodes, kept, variables)) as sent:
            for each in sent:
                if not emit(each):
                    return

    return run_in_thread(run, "send")


def _keep(node: Rendered) -> Outcome:
    return Outcome("pass", STANDS, failures=0) if node.is_test else Outcome("success", STANDS)
