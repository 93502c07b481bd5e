"""A run whose process was killed is noticed and reported, and blocks no other."""

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.workspace.context import BaseWorkspaceRequestContext
from dagster._daemon.monitoring.run_monitoring import monitor_started_run

from c360_dagster.home import prepare_dagster_home
from c360_dagster.messages.alerts import write_message
from c360_dagster.messages.reports import Failure, read_report
from c360_dagster.resources import at_work
from c360_dagster.resources.at_work import GONE, WatchfulRunLauncher, is_run_file_held
from c360_dagster.settings import Settings, read_settings

RUN = """
import sys
import dagster as dg
from c360_dagster.resources.lock import HomeLock

@dg.asset
def slow(lock: HomeLock) -> None:
    print("begun", flush=True)
    sys.stdin.readline()

with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    lock = HomeLock(home=sys.argv[2], timeout=0)
    dg.materialize([slow], resources={"lock": lock}, instance=instance)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = read_settings({"C360_HOME": str(tmp_path)})
    prepare_dagster_home(settings)
    return settings


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        yield instance


@pytest.fixture
def process(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(settings.dagster_home), str(settings.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        yield process
        process.kill()


def monitor(instance: dg.DagsterInstance) -> dg.DagsterRun:
    """Does what Dagster's daemon does every half minute; returns the run."""
    nobody = cast("BaseWorkspaceRequestContext", None)
    (record,) = instance.get_run_records()
    monitor_started_run(instance, nobody, record, logging.getLogger("monitoring"))
    (run,) = instance.get_runs()
    return run


def test_a_run_is_at_work_until_its_process_dies(
    instance: dg.DagsterInstance, process: subprocess.Popen[str]
) -> None:
    assert monitor(instance).status == dg.DagsterRunStatus.STARTED
    process.send_signal(signal.SIGKILL)
    process.wait()
    run = monitor(instance)
    assert run.status == dg.DagsterRunStatus.FAILURE
    report = read_report(instance, run)
    assert report.failures == (Failure(None, GONE),)
    assert f"Why: {GONE}" in write_message(report, "http://127.0.0.1:3000")
    assert is_run_file_held(instance, run.run_id) is None, "what it left is cleared away"


def test_a_run_that_ended_takes_its_sign_down(
    instance: dg.DagsterInstance, process: subprocess.Popen[str]
) -> None:
    (run,) = instance.get_runs()
    assert is_run_file_held(instance, run.run_id)
    process.communicate("go on\n")
    assert is_run_file_held(instance, run.run_id) is None
    assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]


@pytest.mark.parametrize(("seconds", "status"), [(300, "RUNNING"), (0, "FAILED")])
def test_a_run_without_a_sign_has_some_time_to_put_it_up(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, seconds: int, status: str
) -> None:
    monkeypatch.setattr(at_work, "STARTING_SECONDS", seconds)
    run = dg.materialize([dg.asset(lambda: None, name="short")], instance=instance).dagster_run
    launcher = instance.run_launcher
    assert isinstance(launcher, WatchfulRunLauncher)
    assert launcher.check_run_worker_health(run).status == WorkerStatus(status)
