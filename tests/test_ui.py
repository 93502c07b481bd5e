"""The UI as `make ui` starts it, and a run launched over GraphQL, as the UI's button does."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import pytest

from c360_dagster import __main__
from c360_dagster.dagster_commands import DAGSTER
from c360_dagster.history.days import KEY
from c360_dagster.home import prepare_dagster_home
from c360_dagster.layers import LAYERS
from c360_dagster.settings import REPOSITORY, read_settings

PATIENCE = 120
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}

LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
  }
}
"""
STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
SELECTOR = {"repositoryLocationName": "customer_360", "repositoryName": "__repository__"}
STARTED = """
query Started($selector: RepositorySelector!) {
  schedulesOrError(repositorySelector: $selector) {
    ... on Schedules { results { name scheduleState { status } } }
  }
  sensorsOrError(repositorySelector: $selector) {
    ... on Sensors { results { name sensorState { status } } }
  }
}
"""
ASSETS = "{ assetNodes { assetKey { path } groupName isPartitioned isExecutable } }"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a running `dagster dev`, which is stopped with everything that it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    prepare_dagster_home(read_settings({"C360_HOME": str(tmp_path)}))
    environment = os.environ | {
        "C360_HOME": str(tmp_path),
        "C360_CUSTOMERS": "60",
        "C360_END_DATE": "2025-02-15",
        "DAGSTER_HOME": str(tmp_path / "dagster"),
    }
    log = (tmp_path / "server.log").open("w")
    # If a script started the tests in the background, the server would inherit an ignored Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*DAGSTER, "dev", "-h", "127.0.0.1", "-p", str(port)],
        cwd=REPOSITORY,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    signal.signal(signal.SIGINT, before)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(address, process)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGINT)  # to all processes at once, as Ctrl-C in a terminal
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        log.close()
        # Dagster's own warnings are its affair; a warning of ours would name our module.
        said = (tmp_path / "server.log").read_text()
        assert "c360_dagster" not in _warnings(said)
        assert "dagster.yaml file will not be used" not in said


def test_a_script_that_started_the_ui_can_stop_it() -> None:
    """Dagster stops on SIGINT, which processes that a script starts in the background ignore."""
    script = """
import signal, sys
from c360_dagster import __main__
from c360_dagster.settings import read_settings
signal.signal(signal.SIGINT, signal.SIG_IGN)
told = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
__main__.DAGSTER = (sys.executable, "-c", told)
__main__.become_dagster(read_settings({}))
"""
    ran = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE)
    assert ran.stdout == b"False\n"


def test_a_second_ui_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second UI would show nothing, and its daemon would launch the first one's runs."""

    def begin(*_: object) -> NoReturn:
        pytest.fail("it began")

    with socket.create_server(("127.0.0.1", 0)) as first:
        monkeypatch.setattr(__main__, "UI_PORT", str(first.getsockname()[1]))
        monkeypatch.setattr(__main__, "become_dagster", begin)
        monkeypatch.setenv("C360_HOME", str(tmp_path / "home"))
        monkeypatch.setattr(sys, "argv", ["c360_dagster", "ui"])
        assert __main__.main() == 1
    assert "another `make ui` is running" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


def test_a_run_launched_as_the_ui_does_succeeds(server: str, tmp_path: Path) -> None:
    nodes = _ask(server, ASSETS, {})["assetNodes"]
    assert {node["groupName"] for node in nodes} == {layer.name for layer in LAYERS}
    _check_automation(server)
    by_day = [node["assetKey"]["path"] for node in nodes if node["isPartitioned"]]
    assert by_day == [list(KEY.path)]
    launched = _ask(
        server,
        LAUNCH,
        {
            "params": {
                "mode": "default",
                "selector": {
                    "repositoryLocationName": "customer_360",
                    "repositoryName": "__repository__",
                    "jobName": "__ASSET_JOB",
                    "assetSelection": [
                        {"path": node["assetKey"]["path"]}
                        for node in nodes
                        if node["isExecutable"] and not node["isPartitioned"]
                    ],
                },
            }
        },
    )["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id = launched["run"]["runId"]
    assert _wait_for_end(server, run_id) == "SUCCESS"
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as con:
        ((customers,),) = con.execute("select count(*) from bronze.customers").fetchall()
        assert con.execute("select distinct run_id from bronze.load_log").fetchall() == [(run_id,)]
    assert customers > 0


def _check_automation(server: str) -> None:
    """The schedule is on from the start; the sensors are off and can be switched on."""
    shown = _ask(server, STARTED, {"selector": SELECTOR})
    schedules = shown["schedulesOrError"]["results"]
    assert schedules == [{"name": "every_morning", "scheduleState": {"status": "RUNNING"}}]
    states = {each["name"]: each["sensorState"]["status"] for each in (
        shown["sensorsOrError"]["results"])}  # fmt: skip
    assert states == dict.fromkeys(
        ("files_arrived", "alert_on_failure", "alert_on_checks"), "STOPPED"
    )


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if _ask(address, ASSETS, {})["assetNodes"]:
                return
        except (urllib.error.URLError, ConnectionError, KeyError):
            time.sleep(0.5)
    pytest.fail("dagster dev did not come up")


def _wait_for_end(address: str, run_id: str) -> str:
    deadline = time.monotonic() + PATIENCE
    status = "?"
    while time.monotonic() < deadline:
        status = _ask(address, STATUS, {"id": run_id})["runOrError"]["status"]
        if status in FINISHED:
            break
        time.sleep(0.5)
    return status


def _ask(address: str, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310  our own server on this machine
        f"{address}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  the same
        data: dict[str, Any] = json.load(answer)["data"]
    return data


def _warnings(said: str) -> str:
    return "\n".join(line for line in said.splitlines() if "Warning:" in line)
