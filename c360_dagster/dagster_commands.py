"""Runs Dagster's commands and shows, in brief, what a person wants to know from their output."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

from c360_dagster.settings import REPOSITORY, Settings, environment_for_dagster
from c360_dagster.words import visible

DAGSTER = (sys.executable, "-m", "c360_dagster.command")
EVENT = re.compile(
    r"\d{4}-\d\d-\d\d (?P<time>\S+) \S+ - dagster - (?P<level>[A-Z]+) - \S+ - "
    r"(?P<run>[0-9a-f-]{36}) - (?:\d+ - )?(?P<text>.*)"
)
REPETITIVE_EVENTS = re.compile(r"\S+ - Dependencies for step |RUN_FAILURE - .* Steps failed: ")
"""Lines about steps that were not begun, and about a failure that was reported before."""
OWN_FAILURE = re.compile(
    r"(?:dagster\._core\.definitions\.events\.Failure|c360_dagster\.[\w.]+Error): "
    r"|dagster\._core\.errors\.DagsterExecutionInterruptedError$"
)
"""Stands before a sentence that our code wrote for people, or alone if somebody stopped the run.
The stack trace after it helps nobody."""
CRASH, STOPPED = "Traceback (most recent call last):", "KeyboardInterrupt\n"
LOG_TROUBLE = re.compile(r"sqlalchemy\.exc\.\w+: \(sqlite3\.\w+\) ")
"""An error of SQLite concerns Dagster's log of runs, because we keep nothing else in SQLite."""


@dataclass(frozen=True)
class DagsterOutput:
    """What is known from the output of a Dagster command."""

    run: str | None
    """The run that it started, if it did."""
    log_trouble: str | None = None
    """Why it could not write its log, if that is what stopped it."""
    is_stopped: bool = False
    """Whether somebody stopped it, with Ctrl-C or a signal."""


def call_dagster(settings: Settings, *arguments: str) -> tuple[int, DagsterOutput]:
    """Runs one of Dagster's commands; returns its exit code and what its output tells."""
    with subprocess.Popen(
        [*DAGSTER, *arguments],
        cwd=REPOSITORY,
        env=environment_for_dagster(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        signals: list[int] = []

        def stop(number: int, _: object) -> None:
            """Lets Dagster end, and hears what it says until then; it gets Ctrl-C by itself."""
            signals.append(number)
            if number == signal.SIGTERM:  # `timeout` sends it to us only, and the run would go on
                process.terminate()

        before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            output = show_briefly(process.stdout or ())
            code = process.wait()
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
    return (code or 130, replace(output, is_stopped=True)) if signals else (code, output)


def show_briefly(lines: Iterable[str]) -> DagsterOutput:
    """Shows what a person wants to see of a run: messages and failures, not the engine's own steps.

    The whole log is in the UI, under the run's id. The traceback of a crash in Dagster is held back
    until it is clear whether its log is the reason: one sentence says that better than a hundred
    lines.
    """
    run = None
    is_shown = True
    is_own_failure = False
    crash: list[str] = []
    for line in lines:
        if event := EVENT.match(line):
            _show_crash(crash)
            run = event["run"]
            is_shown = event["level"] != "DEBUG" and not REPETITIVE_EVENTS.match(event["text"])
            is_own_failure = False
            line = f"{event['time']} {event['text']}\n"  # noqa: PLW2901  the shorter line
        is_own_failure = is_own_failure or bool(OWN_FAILURE.match(line))
        if is_own_failure and line.startswith("Stack Trace:"):
            is_shown = False
        if crash or line.startswith(CRASH):
            crash.append(line)
        elif is_shown:
            _show([line])
    trouble = next((line for line in crash if LOG_TROUBLE.match(line)), None)
    if trouble is None:
        _show_crash(crash)
    return DagsterOutput(run, trouble and LOG_TROUBLE.sub("", trouble).strip())


def _show_crash(lines: list[str]) -> None:
    """Shows a traceback, unless it is that of Ctrl-C, which tells nobody anything."""
    if lines[-1:] == [STOPPED]:
        lines.clear()
    _show(lines)


def _show(lines: list[str]) -> None:
    try:
        sys.stdout.writelines(map(visible, lines))
        sys.stdout.flush()
    except OSError:  # `| head` has ended, or the disk is full: the run goes on without output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    lines.clear()
