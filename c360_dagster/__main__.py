"""The verbs behind the Makefile, such as run, refresh and backfill, with DAGSTER_HOME prepared.

They only prepare, hand over to Dagster's own commands, and say in the end what came of it.
"""

import argparse
import errno
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NoReturn

from c360_dagster.loading.files import find_files, find_strangers
from c360_dagster.settings import (
    REPOSITORY,
    UI_HOST,
    UI_PORT,
    Settings,
    SettingsError,
    environment_for_dagster,
    read_settings,
)
from c360_dagster.summary import summarise_run
from landing_contract import read_contract

DAGSTER = (sys.executable, "-m", "c360_dagster.command")
MODULE = "c360_dagster.definitions"
SERVED = "c360_dagster.served"
HISTORY = "gold/customer_360_history"
SELECTIONS = {"run": "*", "refresh": "not group:landing"}
EVENT = re.compile(
    r"\d{4}-\d\d-\d\d (?P<time>\S+) \S+ - dagster - (?P<level>[A-Z]+) - \S+ - "
    r"(?P<run>[0-9a-f-]{36}) - (?:\d+ - )?(?P<text>.*)"
)
FOLLOWS = re.compile(r"\S+ - Dependencies for step |RUN_FAILURE - .* Steps failed: ")
"""What is said of steps that were not even begun, and of a failure that was told already."""
OWN_FAILURE = re.compile(
    r"(?:dagster\._core\.definitions\.events\.Failure|c360_dagster\.[\w.]+Error): "
)
"""Before a sentence that our code wrote for people: where in the code helps nobody."""
CRASH = "Traceback (most recent call last):"
LOG_TROUBLE = re.compile(r"sqlalchemy\.exc\.\w+: \(sqlite3\.\w+\) ")
"""Dagster keeps its log of runs in SQLite, and we keep nothing there."""
REMOVABLE = ("warehouse.duckdb", "warehouse.duckdb.wal", "published", "dagster", "docs")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m c360_dagster", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("run", help="simulate where landing is free, then walk the whole road")
    refresh = verbs.add_parser("refresh", help="load what is new, and build what follows from it")
    refresh.add_argument("--anew", action="store_true", help="build everything after bronze anew")
    backfill = verbs.add_parser("backfill", help="record the customers of past days")
    backfill.add_argument("--from", dest="first", metavar="DAY", default="", help="the first day")
    backfill.add_argument(
        "--to", dest="last", metavar="DAY", default="", help="the last day; without it, only one"
    )
    verbs.add_parser("ui", help="open Dagster on 127.0.0.1:3000")
    verbs.add_parser("docs", help="write the page that describes every table and column")
    verbs.add_parser("clean", help="remove what can be made again")
    arguments = parser.parse_args()
    try:
        settings = read_settings()
        with name_home(settings):
            check_rights(settings.home)
            if arguments.verb == "clean":
                return clean_home(settings)
            if arguments.verb == "docs":
                return write_docs(settings)
            if arguments.verb == "backfill":
                days = read_days(settings, arguments.first, arguments.last)
            if arguments.verb == "refresh":
                check_landing(settings)
            prepare_dagster_home(settings)
    except SettingsError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    if arguments.verb == "ui":
        become_dagster(settings, "dev", "-h", UI_HOST, "-p", UI_PORT)
    if arguments.verb == "backfill":
        return record_days(settings, *days)
    anew = arguments.verb == "refresh" and arguments.anew
    return materialize(settings, arguments.verb, anew=anew)


@contextmanager
def name_home(settings: Settings) -> Iterator[None]:
    """A SettingsError that names the variable, where its folder cannot be worked with."""
    try:
        yield
    except OSError as problem:
        raise SettingsError(
            f"C360_HOME is '{settings.home}', and that cannot be used ({problem.strerror}: "
            f"{problem.filename}): name a folder that you may write to, or make it one."
        ) from None


def check_rights(home: Path) -> None:
    """A PermissionError before anything begins, where something there is kept from this user.

    One run by the administrator leaves such files. Those in landing may be somebody else's.
    """
    for folder, _, names in os.walk(home, onerror=_refuse):
        if Path(folder).is_relative_to(home / "landing"):
            continue
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            with suppress(FileNotFoundError):  # a run that is at work takes its files away
                is_theirs = path.lstat().st_uid != os.geteuid()
                if is_theirs and not os.access(path, os.R_OK | os.W_OK, follow_symlinks=False):
                    _refuse(PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)))


def _refuse(problem: OSError) -> None:
    if not isinstance(problem, FileNotFoundError):
        raise problem


def prepare_dagster_home(settings: Settings) -> None:
    """Puts the repository's dagster.yaml where Dagster looks for it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = (REPOSITORY / "dagster.yaml").read_text("utf-8")
    with (settings.dagster_home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (settings.dagster_home / "dagster.yaml").write_text(written, "utf-8")
        if not (settings.dagster_home / "history" / "runs.db").exists():
            create_storage(settings)


def create_storage(settings: Settings) -> None:
    """Makes Dagster's databases now: two runs that both find none would trip over each other."""
    from dagster import DagsterInstance  # noqa: PLC0415  a second of imports, the first time only

    with DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        instance.get_runs(limit=1)


def check_landing(settings: Settings) -> None:
    """A SettingsError where there is nothing to load, and there never was: a mistyped home."""
    if settings.warehouse.exists():
        return
    contract = read_contract()
    if any(find_files(settings.landing, table) for table in contract.values()):
        return
    if strangers := find_strangers(settings.landing, contract):
        raise SettingsError(
            f"{settings.landing} holds no table's file, only {strangers[0]}"
            f"{' and others' if len(strangers) > 1 else ''}: docs/your-own-data.md says where each "
            "file belongs and how it is called."
        )
    raise SettingsError(
        f"{settings.landing} holds no files: put yours there, or check C360_HOME; `make run` "
        "simulates a retailer."
    )


def materialize(settings: Settings, verb: str, *, anew: bool = False) -> int:
    command = ("asset", "materialize", "--select", SELECTIONS[verb], "-m", MODULE)
    code, said = call_dagster(settings, *command, "--config-json", configure(verb, anew=anew))
    if said.run:
        sys.stdout.write(summarise_run(settings, has_failed=code != 0))
        sys.stdout.flush()
    return conclude(settings, f"make {verb}", code, said)


def configure(verb: str, *, anew: bool) -> str:
    """The run's configuration as JSON: how much it builds, and who asked for it."""
    extent = {"full_refresh": anew, "asked_by": f"make {verb}"}
    return json.dumps({"resources": {"extent": {"config": extent}}})


def conclude(settings: Settings, verb: str, code: int, said: "Said") -> int:
    """The verb's own code, after the last words about a run that failed."""
    if code == 0:
        return 0
    if said.run is None and not said.log_trouble:
        sys.stderr.write(f"`{verb}` started nothing: the reason stands above.\n")
    else:
        from c360_dagster.last_words import explain_failure  # noqa: PLC0415  slow import

        sys.stderr.write(explain_failure(settings, verb, said.run, said.log_trouble))
    return 1


def read_days(settings: Settings, first: str, last: str) -> tuple[date, date]:
    """The days asked for, the first alone or a range; a SettingsError says which can be."""
    example = "`make backfill FROM=2025-01-01 TO=2025-01-31`; FROM alone is one day"
    if not first:
        given = f"TO is {last}, and " if last else ""
        raise SettingsError(f"{given}FROM is missing: name the first day, as in {example}.")
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        days = f"days are '{first}' and '{last}'" if last else f"day is '{first}'"
        raise SettingsError(f"The {days}: write days as in {example}.") from None
    if end < start:
        raise SettingsError(f"{end} is before {start}: ask for the earlier day first.")
    for day in (start, end):
        if doubt := settings.doubt_day(day):
            raise SettingsError(f"{day} {doubt}")
    return start, end


def record_days(settings: Settings, first: date, last: date) -> int:
    """Past days in one run."""
    days = f"{first}...{last}"
    command = ("asset", "materialize", "--select", HISTORY, "-m", SERVED)
    code, said = call_dagster(settings, *command, "--partition-range", days)
    return conclude(settings, "make backfill", code, said)


def become_dagster(settings: Settings, *arguments: str) -> NoReturn:
    """Turns this process into Dagster's command, so that what stops the verb stops the server."""
    os.chdir(REPOSITORY)
    # Dagster ends its own processes by SIGINT, which children of a script inherit as ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    command = [*DAGSTER, *arguments]
    os.execve(sys.executable, command, environment_for_dagster(settings))  # noqa: S606  our own


@dataclass(frozen=True)
class Said:
    """What a command of Dagster's told before it ended."""

    run: str | None
    """The run that it started, if it did."""
    log_trouble: str | None = None
    """Why it could not write down what happens, where that is what stopped it."""


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
        # Who stops the verb alone, as `timeout` does, means the run: it would go on by itself.
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        try:
            said = say_briefly(process.stdout or ())
            return process.wait(), said
        except KeyboardInterrupt:  # Dagster was told, too: what it says in the end names the run
            said = say_briefly(process.stdout or ())
            return process.wait() or 130, said


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
            _show(crash)
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
        _show(crash)
    return Said(run, trouble and LOG_TROUBLE.sub("", trouble).strip())


def _show(lines: list[str]) -> None:
    try:
        sys.stdout.writelines(lines)
        sys.stdout.flush()
    except BrokenPipeError:  # as `| head` leaves it: the run goes on to its end, and nobody reads
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    lines.clear()


def write_docs(settings: Settings) -> int:
    """One self-contained page of every model, column and edge; it needs a run to have been."""
    from c360_dagster.resources.dbt_project import DbtError, write_static_docs  # noqa: PLC0415  slow import

    try:
        page = write_static_docs(settings.warehouse, settings.home / "docs")
    except DbtError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(f"{page}\n")
    return 0


def clean_home(settings: Settings) -> int:
    """Removes what the road makes again; landing and the registry of ids are not among it."""
    found = [name for name in REMOVABLE if os.path.lexists(settings.home / name)]
    for name in found:
        path = settings.home / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    kept = sorted(path.name for path in settings.home.glob("[!.]*"))
    removed = f"removed {', '.join(found)}" if found else "there was nothing to remove"
    sys.stdout.write(f"{settings.home}: {removed}; kept: {', '.join(kept) or 'nothing'}.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
