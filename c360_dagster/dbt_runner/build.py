"""A build of dbt's project, whose results come as they happen.

With the stock command it takes eight seconds until the first model; with dbt in this process, one;
and none where dbt has rendered the same statements before.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import duckdb

from c360_dagster.dbt_runner import dbt_project
from c360_dagster.dbt_runner.aside import Tell, work_aside
from c360_dagster.dbt_runner.asking import Dbt, NodeResult
from c360_dagster.dbt_runner.dbt_project import digest_foundation, read_known, read_stamp
from c360_dagster.dbt_runner.marks import Marks, find_standing, mark_nodes, write_down
from c360_dagster.dbt_runner.rendered import FOLDER, Rendered, Shelf, Variables
from c360_dagster.dbt_runner.sending import Ended, find_leading, send
from c360_dagster.resources.warehouse import bound

STANDS = "stands: nothing that it is made of has changed"
MEMORY_LIMIT = "5GB"
"""As dbt's own profile has it."""


class Extent(dg.ConfigurableResource):
    """How much a run builds: for its configuration alone, and so apart from what has settings."""

    full_refresh: bool = False
    """Everything, also where it could continue the last run."""
    asked_by: str = ""
    """The verb that people typed, for the messages about its run."""


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
        let_go: Callable[[], None] = lambda: None,
    ) -> Iterator[NodeResult]:
        """Results as they come; `let_go` closes what the caller has open, for dbt's own sake.

        What was made of the same before stands, unless all is asked for anew. What dbt has
        rendered before is sent without it; only what is not known or does not go through is dbt's.
        """
        scratch.mkdir(parents=True, exist_ok=True)
        dbt = Dbt(self.warehouse, self.mode, scratch)
        if not (project := read_stamp()):
            let_go()
            return dbt.build(select, variables)
        manifest = read_known(project)
        shelf = Shelf(
            manifest,
            dbt_project.TARGET / FOLDER,
            foundation=digest_foundation(manifest),
            database=Path(self.warehouse).stem,
            given=variables,
        )
        nodes = shelf.choose(select) if dbt.is_heard else []
        return _Build(dbt, shelf, nodes, variables, let_go).run(select, anew=anew)


@dataclass
class _Build:
    """A build of a project that has been parsed, and so is known."""

    dbt: Dbt
    shelf: Shelf
    nodes: Sequence[Rendered]
    """None where only dbt can tell which are asked for."""
    variables: Variables
    let_go: Callable[[], None]
    has_let_go: bool = False
    standing: dict[str, Ended] = field(default_factory=dict)
    """What needs no more than its turn, by unique id."""
    ended: dict[str, Ended] = field(default_factory=dict)
    """What went through or had its turn."""

    def run(self, select: Sequence[str], *, anew: bool) -> Iterator[NodeResult]:
        yield from self._send(anew=anew)
        leading = find_leading(self.nodes, self.ended.keys() | self.standing.keys())
        if 0 < len(leading) < len(self._left):
            yield from (result for result in self._ask_dbt(leading) if result.went_through)
            yield from self._send(anew=anew)
        if self._left or not self.nodes:
            yield from self._ask_dbt(self._left, select)

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
            for node, ended, seconds in _send_aside(con, self.nodes, kept, self.variables):
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
                    has_let_go=self.has_let_go,
                )
            write_down(con, sent, marks, self.variables.get("run_id"))

    def _ask_dbt(
        self, nodes: Sequence[Rendered], select: Sequence[str] = ()
    ) -> Iterator[NodeResult]:
        self.let_go()
        self.has_let_go = True
        told, failed = [], []
        for result in self.dbt.build([node.selector for node in nodes] or select, self.variables):
            node = self.shelf.describe(result.unique_id, result.statements, result.sql)
            if node and result.went_through:
                told.append((node, result.status))
                self.ended[node.unique_id] = Ended(result.status, result.message, result.failures)
            elif node and node.is_test and result.is_bad:
                failed.append((node, result.status))
            yield result
        with self._connect() as con:
            marks = self._mark(con, [node for node, _ in told])
            write_down(con, [*told, *failed], marks, self.variables.get("run_id"))
        if self.dbt.is_heard:
            for node, _ in told:
                self.shelf.put(node)

    def _mark(self, con: duckdb.DuckDBPyConnection, nodes: Sequence[Rendered]) -> Marks:
        return mark_nodes(con, nodes, self.variables, self.shelf.find_views(nodes))

    @contextlib.contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(self.dbt.warehouse) as con:
            bound(con, MEMORY_LIMIT, self.dbt.scratch)
            yield con


def _send_aside(
    con: duckdb.DuckDBPyConnection,
    nodes: Sequence[Rendered],
    kept: Mapping[str, Ended],
    variables: Variables,
) -> Iterator[tuple[Rendered, Ended, float]]:
    """Telling Dagster of a node takes as long as a small one: the next are sent meanwhile."""

    def run(tell: Tell[tuple[Rendered, Ended, float]]) -> None:
        with contextlib.closing(send(con, nodes, kept, variables)) as sent:
            for each in sent:
                if not tell(each):
                    return

    return work_aside(run, "send")


def _keep(node: Rendered) -> Ended:
    return Ended("pass", STANDS, failures=0) if node.is_test else Ended("success", STANDS)
