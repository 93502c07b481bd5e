"""What one small run does, counted: how slow it is depends on the machine, how much it does not."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dbt.adapters.duckdb.environments.local import DuckDBCursorWrapper
from dbt.cli.main import dbtRunner

from c360_dagster.__main__ import prepare_dagster_home
from c360_dagster.changes import begin_build
from c360_dagster.definitions import build_definitions
from c360_dagster.resources.dbt import read_manifest
from c360_dagster.settings import read_settings
from tests.road import SMALL, know_nothing

BOUNDS: dict[str, float] = {
    "dbt starts": 3,  # before identity, between it and science, after
    "statements of a node": 2.9,
    "connections to the warehouse": 35,
    "steps": 12,
    "events of an asset or check": 3.3,
    "bytes of log for an asset or check": 11_500,
    "landing files read": 23,
}
"""What a run may do. Whoever needs more raises a bound here, with the reason beside it."""
AGAIN = BOUNDS | {"dbt starts": 0, "statements of a node": 0, "landing files read": 0}
"""And what it may do where dbt has rendered before, and nothing is new in landing."""
CONTINUED = BOUNDS | {"landing files read": 0}
"""And what, where it continues the last build for the first time."""


@dataclass
class Runs:
    first: dict[str, float]
    again: dict[str, float]
    continued: dict[str, float]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    home: Path = tmp_path_factory.mktemp("home")
    settings = read_settings(SMALL | {"C360_HOME": str(home)})
    prepare_dagster_home(settings)
    job = build_definitions(settings).resolve_implicit_global_asset_job_def()
    graph = job.asset_layer.asset_graph
    done: Counter[str] = Counter()

    def walk() -> dict[str, float]:
        done.clear()
        with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
            run = job.execute_in_process(instance=instance)
            assert run.success
            events = len(instance.all_logs(run.run_id))
            log = settings.dagster_home / "history" / "runs" / f"{run.run_id}.db"
        nodes = read_manifest()["nodes"].values()
        told = len(graph.executable_asset_keys) + len(graph.asset_check_keys)
        read = "select count(*) from bronze.load_log where run_id = ? and status = 'loaded'"
        with duckdb.connect(str(settings.warehouse)) as con:
            (files,) = con.execute(read, [run.run_id]).fetchone() or (0,)
        return {
            "dbt starts": done["start"],
            "statements of a node": done["statement"] / len(nodes),
            "connections to the warehouse": done["connection"],
            "steps": len(run.get_step_success_events()),
            "events of an asset or check": events / told,
            "bytes of log for an asset or check": log.stat().st_size / told,
            "landing files read": files,
        }

    with pytest.MonkeyPatch.context() as counted:
        know_nothing(home, counted)
        for name, owner, function in (
            ("start", dbtRunner, "invoke"),
            ("statement", DuckDBCursorWrapper, "execute"),
            ("connection", duckdb, "connect"),
        ):
            counted.setattr(owner, function, _count(done, name, getattr(owner, function)))
        first, again = walk(), walk()
        at_any_size = partial(begin_build, worthwhile=0)
        counted.setattr("c360_dagster.assets.dbt.begin_build", at_any_size)
        yield Runs(first, again, continued=walk())


def _count(done: Counter[str], name: str, function: Any) -> Any:  # noqa: ANN401
    def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        done[name] += 1
        return function(*arguments, **options)

    return call


@pytest.mark.parametrize("what", BOUNDS)
def test_a_run_does_no_more_than_it_did(runs: Runs, what: str) -> None:
    assert 0 < runs.first[what] <= BOUNDS[what], _say(what, runs.first, BOUNDS)


@pytest.mark.parametrize("what", AGAIN)
def test_a_run_without_news_does_no_more_than_it_did(runs: Runs, what: str) -> None:
    assert runs.again[what] <= AGAIN[what], _say(what, runs.again, AGAIN)


@pytest.mark.parametrize("what", CONTINUED)
def test_a_run_that_continues_the_last_does_no_more_than_it_did(runs: Runs, what: str) -> None:
    assert runs.continued[what] <= CONTINUED[what], _say(what, runs.continued, CONTINUED)


def _say(what: str, counted: dict[str, float], bounds: dict[str, float]) -> str:
    return (
        f"One run of {SMALL['C360_CUSTOMERS']} customers came to {counted[what]:,.1f} {what}, and "
        f"{bounds[what]:,.1f} are allowed. Do less, or say in BOUNDS why it takes more."
    )
