"""Measures how long `make ui` takes until its code is loaded, against an empty Dagster project.

Each is started as people start it, but on a free port, and stopped by its process id.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import DEMO, UI, Figure
from bench.road import environment, make_settings
from bench.table import format_table
from c360_dagster.dagster_commands import DAGSTER
from c360_dagster.home import prepare_dagster_home
from c360_dagster.settings import REPOSITORY, UI_HOST

ROUNDS = 3
START_TIMEOUT_SECONDS, STOP_TIMEOUT_SECONDS = 180, 30
EMPTY = "import dagster as dg\n\ndefs = dg.Definitions()\n"
LOADED = """{
  workspaceOrError {
    ... on Workspace { locationEntries { loadStatus locationOrLoadError { __typename } } }
  }
}"""


def main(arguments: list[str]) -> None:
    rounds = int(arguments[0]) if arguments else ROUNDS
    with tempfile.TemporaryDirectory(prefix="c360_bench_") as folder:
        sys.stdout.write(format_table([compare(DEMO, Path(folder), rounds)]))


def compare(customers: int, folder: Path, rounds: int = ROUNDS) -> Figure:
    """Compares the fastest of several starts of each, in turns.

    The fastest counts because disturbances can only make a start slower.
    """
    pairs = [(start_ours(folder, turn), start_empty(folder, turn)) for turn in range(rounds)]
    ours, empty = (min(times) for times in zip(*pairs, strict=True))
    return Figure(
        customers=customers,
        name=UI,
        seconds=ours,
        against="an empty",
        against_seconds=empty,
        ratio=ours / empty,
    )


def start_ours(folder: Path, turn: int) -> float:
    settings = make_settings(folder / f"ui_{turn}", DEMO)
    prepare_dagster_home(settings)
    return time_start(DAGSTER, [], environment(settings), REPOSITORY)


def start_empty(folder: Path, turn: int) -> float:
    project = folder / f"empty_{turn}"
    (project / "home").mkdir(parents=True)
    (project / "nothing.py").write_text(EMPTY, "utf-8")
    variables = os.environ | {
        "DAGSTER_HOME": str(project / "home"),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    plain = (sys.executable, "-m", "dagster")
    return time_start(plain, ["-f", "nothing.py"], variables, project)


def time_start(
    dagster: Sequence[str], options: list[str], variables: Mapping[str, str], folder: Path
) -> float:
    """Returns the seconds from the command to the answer that every code location is loaded."""
    with socket.socket() as probe:
        probe.bind((UI_HOST, 0))
        port = probe.getsockname()[1]
    command = [*dagster, "dev", "-h", UI_HOST, "-p", str(port), *options]
    with tempfile.TemporaryFile("w+") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while not is_loaded(port):
                if (
                    process.poll() is not None
                    or time.perf_counter() - began > START_TIMEOUT_SECONDS
                ):
                    log.seek(0)
                    raise SystemExit(f"dagster dev did not start: {log.read()[-3000:]}")
                time.sleep(0.05)
            return time.perf_counter() - began
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_loaded(port: int) -> bool:
    request = urllib.request.Request(
        f"http://{UI_HOST}:{port}/graphql",
        json.dumps({"query": LOADED}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  our own server
            entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
    except (OSError, urllib.error.URLError):
        return False
    for entry in entries:
        if (entry["locationOrLoadError"] or {}).get("__typename") == "PythonError":
            raise SystemExit("dagster dev could not load its code; `make ui` shows why.")
    return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)
