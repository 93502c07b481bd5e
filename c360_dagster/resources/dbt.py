"""dbt inside the step's own process: builds, whose results come as they happen.

A build by the stock command costs eight seconds before its first model; in process, one.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from c360_dagster.resources import dbt_project
from c360_dagster.resources.aside import Tell, work_aside
from c360_dagster.resources.dbt_project import (
    PARSED,
    DbtError,
    name_folders,
    read_parsed,
    read_stamp,
)
from c360_dagster.resources.marks import find_standing, mark_nodes, write_down
from c360_dagster.resources.rendered import (
    EXTENT,
    Ended,
    Rendered,
    Shelf,
    Variables,
    describe,
    send,
)
from c360_dagster.settings import tell_dbt_the_warehouse

SILENTLY = ("--quiet", "--log-level-file", "none", "--no-write-json")
"""A build within this process is heard; what dbt would write of it goes with its folder."""
STANDS = "stands: nothing that it is made of has changed"
MEMORY_LIMIT = "6GB"
"""As dbt's own profile has it."""
WENT_THROUGH = {"success", "pass", "warn", "no-op"}


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test."""

    unique_id: str
    status: str
    message: str
    seconds: float
    failures: int | None
    sql: str = ""
    """What a model's `select` was, once compiled."""
    statements: tuple[str, ...] = ()
    """What dbt sent to the database for it."""
    is_by_dbt: bool = False
    """Told by dbt itself, which has the warehouse alone meanwhile."""

    @property
    def is_bad(self) -> bool:
        return self.status in {"error", "fail", "runtime error"}


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
        rendered before is sent without it; only what does not go through is dbt's.
        """
        scratch.mkdir(parents=True, exist_ok=True)
        project = read_stamp()
        shelf = Shelf(dbt_project.TARGET, project, self.warehouse)
        is_heard = self.mode == "inprocess"
        known, is_of_other = _find_build(shelf, select, variables) if is_heard else ([], False)
        left, went = [], []
        if known:
            with self._connect(scratch) as con:
                marks = mark_nodes(con, known, project, variables)
                standing = [] if anew else find_standing(con, known, marks)
                to_send = [node for node in known if node not in standing]
                if is_of_other and any(EXTENT in node.asks for node in to_send):
                    known, standing, to_send, is_of_other = [], [], [], False
                kept = {node.unique_id: _keep(node) for node in standing}
                for node, ended, seconds in _send_aside(con, known, kept, variables):
                    went.append((node, ended.status))
                    yield _tell(node, ended, seconds)
                sent = [each for each in went if each[0].unique_id not in kept]
                write_down(con, sent, marks)
            done = {node for node, _ in went}
            left = [node for node in known if node not in done]
            if known and not left:
                return
        results = []
        asked = [node.selector for node in left] or select
        let_go()
        for result in self._ask_dbt(asked, variables, scratch):
            results.append(result)
            yield result
        if not project:
            return
        went_through = [result for result in results if result.status in WENT_THROUGH]
        told = list(_describe(went_through, variables))
        with self._connect(scratch) as con:
            write_down(con, told, mark_nodes(con, (node for node, _ in told), project, variables))
        if is_heard and not is_of_other and len(went_through) == len(results):
            others = [node for node in known if node not in left]
            shelf.put(select, variables, [*others, *(node for node, _ in told)])

    @contextlib.contextmanager
    def _connect(self, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(self.warehouse) as con:
            con.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
            con.execute("set temp_directory = ?", [str(scratch / "spill")])
            yield con

    def _ask_dbt(
        self, select: Sequence[str], variables: Variables, scratch: Path
    ) -> Iterator[NodeResult]:
        target = Path(tempfile.mkdtemp(prefix="dbt_", dir=scratch))
        arguments = [
            "build",
            *("--exclude-resource-type", "unit_test"),
            *("--vars", json.dumps(variables)),
            *name_folders(target),
        ]
        if select:
            arguments += ["--indirect-selection", "empty", "--select", *select]
        tell_dbt_the_warehouse(self.warehouse)
        try:
            run = _run_in_process if self.mode == "inprocess" else _run_apart
            yield from run(arguments, target)
        finally:
            shutil.rmtree(target, ignore_errors=True)


def _find_build(
    shelf: Shelf, select: Sequence[str], variables: Variables
) -> tuple[list[Rendered], bool]:
    """The build as it is known, and whether it is of the other extent.

    That one will do where all stands that differs with it.
    """
    if known := shelf.find(select, variables):
        return known, False
    other = {**variables, EXTENT: None if variables.get(EXTENT) else "another"}
    known = shelf.find(select, other)
    return known, bool(known)


def _run_in_process(arguments: list[str], target: Path) -> Iterator[NodeResult]:
    """Runs dbt in a thread of this process and tells its nodes as they finish."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    sent: defaultdict[str, list[str]] = defaultdict(list)

    def run(tell: Tell[NodeResult]) -> None:
        def listen(event: Any) -> None:  # noqa: ANN401  dbt's events are generated classes
            if event.info.name == "SQLQuery":
                sent[event.data.node_info.unique_id].append(event.data.sql)
            elif event.info.name == "NodeFinished":
                tell(_read_event(event, target, sent[event.data.node_info.unique_id]))

        try:
            runner = dbtRunner(manifest=read_parsed(), callbacks=[listen])
            ended = runner.invoke([*SILENTLY, *arguments])
        finally:
            DuckDBConnectionManager.close_all_connections()
        if ended.exception:
            raise DbtError(f"dbt stopped: {ended.exception}")

    yield from work_aside(run, "dbt")


def _read_event(
    event: Any,  # noqa: ANN401  the same
    target: Path,
    sent: Sequence[str],
) -> NodeResult:
    result = event.data.run_result
    node = event.data.node_info
    sql = ""
    if node.resource_type == "model":
        package = node.unique_id.split(".")[1]
        with contextlib.suppress(OSError):  # a model that was skipped has not been compiled
            sql = (target / "compiled" / package / "models" / node.node_path).read_text("utf-8")
    return NodeResult(
        unique_id=node.unique_id,
        status=str(node.node_status),
        message=str(result.message),
        seconds=float(result.execution_time),
        failures=int(result.num_failures),
        sql=sql,
        statements=tuple(sent),
        is_by_dbt=True,
    )


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


def _tell(node: Rendered, ended: Ended, seconds: float) -> NodeResult:
    return NodeResult(
        node.unique_id, ended.status, ended.message, seconds, ended.failures, node.sql
    )


def _describe(
    results: Sequence[NodeResult], variables: Variables
) -> Iterator[tuple[Rendered, str]]:
    """As the project was when dbt built it: it may have been edited since."""
    manifest = json.loads((dbt_project.TARGET / PARSED[0]).read_text("utf-8"))
    for result in results:
        if node := manifest["nodes"].get(result.unique_id):  # exposures have nothing to send
            rendered = describe(manifest, node, result.statements, result.sql, variables)
            yield rendered, result.status


def _run_apart(arguments: list[str], target: Path) -> Iterator[NodeResult]:
    """The stock way: the dbt command in a process of its own, its results read from its file."""
    command = [str(Path(sys.executable).parent / "dbt"), "--quiet", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    results = target / "run_results.json"
    if not results.exists():
        raise DbtError(f"dbt stopped: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    for result in json.loads(results.read_text("utf-8"))["results"]:
        yield NodeResult(
            unique_id=result["unique_id"],
            status=result["status"],
            message=result["message"] or "",
            seconds=result["execution_time"],
            failures=result["failures"],
            sql=result.get("compiled_code") or "",
            is_by_dbt=True,
        )
