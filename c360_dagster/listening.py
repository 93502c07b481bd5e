"""Runs Dagster's commands and passes on, in brief, what a person wants to know of their output."""

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
FOLLOWS = re.compile(r"\S+ - Dependencies for step |RUN_FAILURE - .* Steps failed: ")
"""What is said of steps that were not even begun, and of a failure that was told already."""
OWN_FAILURE = re.compile(
    r"(?:dagster\._core\.definitions\.events\.Failure|c360_dagster\.[\w.]+Error): "
    r"|dagster\._core\.errors\.DagsterExecutionInterruptedError$"
)
"""Before a sentence that our code wrote for people, or no words, where somebody stopped the run:
where in the code helps nobody."""
CRASH, STOPPED = "Traceback (most recent call last):", "KeyboardInterrupt\n"
LOG_TROUBLE = re.compile(r"sqlalchemy\.exc\.\w+: \(sqlite3\.\w+\) ")
"""Dagster keeps its log of runs in SQLite, and we keep nothing there."""


@dataclass(frozen=True)
class Said:
    """What a command of Dagster's told before it ended."""

    run: str | None
    """The run that it started, if it did."""
    log_trouble: str | None = None
    """Why it could not write down what happens, where that is what stopped it."""
    is_stopped: bool = False
    """By somebody, with Ctrl-C or a signal."""


def call_dagster(settings: Settings, *arguments: str) -> tuple[int, Said]:
    """Runs one of Dagster's commands; its code, and what it said."""
    with subprocess.Popen(
        [*DAGSTER, *arguments],
        cwd=REPOSITORY,
        env=environment_for_dagster(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        told: list[int] = []

        def stop(number: int, _: object) -> None:
            """Dagster ends, and what it says until then is heard; Ctrl-C has told it already."""
            told.append(number)
            if number == signal.SIGTERM:  # as `timeout` tells the verb alone: the run would go on
                process.terminate()

        before = signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        try:
            said = say_briefly(process.stdout or ())
            code = process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
    return (code or 130, replace(said, is_stopped=True)) if told else (code, said)


def say_briefly(lines: Iterable[str]) -> Said:
    """What a person wants to see of a run: messages and failures, without the engine's own steps.

    The whole log stands in the UI, under the run's id. A crash of Dagster's is held back until it
    is clear whether its log is the reason: that takes a sentence, and not a hundred lines.
    """
    run = None
    is_shown = True
    is_own = False
    crash: list[str] = []
    for line in lines:
        if event := EVENT.match(line):
            _show_crash(crash)
            run = event["run"]
            is_shown = event["level"] != "DEBUG" and not FOLLOWS.match(event["text"])
            is_own = False
            line = f"{event['time']} {event['text']}\n"  # noqa: PLW2901  the shorter line
        is_own = is_own or bool(OWN_FAILURE.match(line))
        if is_own and line.startswith("Stack Trace:"):
            is_shown = False
        if crash or line.startswith(CRASH):
            crash.append(line)
        elif is_shown:
            _show([line])
    trouble = next((line for line in crash if LOG_TROUBLE.match(line)), None)
    if trouble is None:
        _show_crash(crash)
    return Said(run, trouble and LOG_TROUBLE.sub("", trouble).strip())


def _show_crash(lines: list[str]) -> None:
    """Ctrl-C ends each process that hears of it with one, which tells nobody anything."""
    if lines[-1:] == [STOPPED]:
        lines.clear()
    _show(lines)


def _show(lines: list[str]) -> None:
    try:
        sys.stdout.writelines(map(visible, lines))
        sys.stdout.flush()
    except OSError:  # as `| head` or a full disk leaves it: the run goes on, and nobody reads
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    lines.clear()
