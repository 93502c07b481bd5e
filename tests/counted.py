"""Runs the pipeline within this process and counts how much it does."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper
from dbt.cli.main import dbtRunner

from c360_dagster.assets import bronze
from c360_dagster.dbt_runner import sending
from c360_dagster.dbt_runner.dbt_project import read_manifest
from c360_dagster.definitions import build_definitions
from c360_dagster.home import prepare_dagster_home
from c360_dagster.settings import Settings, read_settings
from tests.pipeline_runs import SMALL

Counted = dict[str, float]


def run_pipeline(home: Path, *, anew: bool = False, **variables: str) -> Counted:
    """Runs the whole pipeline once, as `make run` does, and returns how much it did."""
    settings = read_settings(SMALL | {"C360_HOME": str(home)} | variables)
    prepare_dagster_home(settings)
    job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    graph = job.asset_layer.asset_graph
    with (
        dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance,
        _count_calls() as done,
    ):
        config = {"resources": {"extent": {"config": {"full_refresh": anew}}}}
        run = job.execute_in_process(instance=instance, run_config=config)
        events = len(instance.all_logs(run.run_id))
    assert run.success
    log = settings.dagster_home / "history" / "runs" / f"{run.run_id}.db"
    reported = len(graph.executable_asset_keys) + len(graph.asset_check_keys)
    return {
        "dbt starts": done["start"],
        "statements of a node": done["statement"] / len(read_manifest()["nodes"]),
        "nodes sent": done["node"],
        "connections to the warehouse": done["connection"],
        "steps": len(run.get_step_success_events()),
        "events of an asset or check": events / reported,
        "bytes of log for an asset or check": log.stat().st_size / reported,
        "imports ahead": done["import"],
        "landing files read": _count_files(settings, run.run_id),
    }


@contextmanager
def _count_calls() -> Iterator[Counter[str]]:
    done: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        for name, owner, function in (
            ("start", dbtRunner, "invoke"),
            ("statement", DuckDBCursorWrapper, "execute"),
            ("node", sending, "_send"),
            ("connection", duckdb, "connect"),
            ("import", bronze, "import_ahead"),
        ):
            patch.setattr(owner, function, _count(done, name, getattr(owner, function)))
        yield done


def _count(done: Counter[str], name: str, function: Any) -> Any:  # noqa: ANN401
    def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        done[name] += 1
        return function(*arguments, **options)

    return call


def _count_files(settings: Settings, run_id: str) -> int:
    read = "select count(*) from bronze.load_log where run_id = ? and status = 'loaded'"
    with duckdb.connect(str(settings.warehouse)) as con:
        (files,) = con.execute(read, [run_id]).fetchone() or (0,)
    return int(files)
