"""Runs dbt itself, in this process or in one of its own, and reads its results."""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from c360_dagster.dbt_runner.background import Emit, run_in_thread
from c360_dagster.dbt_runner.dbt_project import DbtError, folder_options, read_parsed
from c360_dagster.dbt_runner.rendered import Variables
from c360_dagster.settings import set_dbt_warehouse

QUIET_OPTIONS = ("--quiet", "--log-level-file", "none", "--no-write-json")
"""A build in this process writes nothing: its events are heard, and its folder is deleted."""
SUCCEEDED = {"success", "pass", "warn", "no-op"}


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test."""

    unique_id: str
    status: str
    message: str
    seconds: float
    failures: int | None
    sql: str = ""
    """A model's compiled `select`."""
    statements: tuple[str, ...] = ()
    """What dbt sent to the database for the node."""
    is_connection_closed: bool = False
    """Whether the caller's connection was closed, because dbt must have the warehouse alone."""

    @property
    def has_succeeded(self) -> bool:
        return self.status in SUCCEEDED

    @property
    def is_bad(self) -> bool:
        return self.status in {"error", "fail", "runtime error"}


@dataclass(frozen=True)
class Dbt:
    """How dbt is run: `subprocess` is the stock way; with `inprocess`, dbt's events are heard."""

    warehouse: str
    mode: str
    scratch: Path

    @property
    def is_in_process(self) -> bool:
        return self.mode == "inprocess"

    def build(self, select: Sequence[str], variables: Variables) -> Iterator[NodeResult]:
        target = Path(tempfile.mkdtemp(prefix="dbt_", dir=self.scratch))
        arguments = [
            "build",
            *("--exclude-resource-type", "unit_test"),
            *("--vars", json.dumps(variables)),
            *folder_options(target),
        ]
        if select:
            arguments += ["--indirect-selection", "empty", "--select", *select]
        set_dbt_warehouse(self.warehouse)
        try:
            run = _run_in_process if self.is_in_process else _run_in_subprocess
            yield from run(arguments, target)
        finally:
            shutil.rmtree(target, ignore_errors=True)


def _run_in_process(arguments: list[str], target: Path) -> Iterator[NodeResult]:
    """Runs dbt in a thread of this process and yields its nodes as they finish."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    sent: defaultdict[str, list[str]] = defaultdict(list)

    def run(emit: Emit[NodeResult]) -> None:
        def listen(event: Any) -> None:  # noqa: ANN401  dbt's events are generated classes
            if event.info.name == "SQLQuery":
                sent[event.data.node_info.unique_id].append(event.data.sql)
            elif event.info.name == "NodeFinished":
                emit(_read_event(event, target, sent[event.data.node_info.unique_id]))

        try:
            runner = dbtRunner(manifest=read_parsed(), callbacks=[listen])
            ended = runner.invoke([*QUIET_OPTIONS, *arguments])
        finally:
            DuckDBConnectionManager.close_all_connections()
        if ended.exception:
            raise DbtError(f"dbt stopped: {ended.exception}")

    yield from run_in_thread(run, "dbt")


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
        is_connection_closed=True,
    )


def _run_in_subprocess(arguments: list[str], target: Path) -> Iterator[NodeResult]:
    """The stock way: runs the dbt command in its own process and reads its file of results."""
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
            is_connection_closed=True,
        )
