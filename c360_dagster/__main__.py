"""The commands behind the Makefile, such as run, refresh and backfill, with DAGSTER_HOME prepared.

They only prepare, hand over to Dagster's own commands, and sum up the result at the end.
"""

import argparse
import json
import os
import signal
import sys
from datetime import date
from typing import NoReturn

from c360_dagster.dagster_commands import DAGSTER, DagsterOutput, call_dagster
from c360_dagster.home import (
    check_landing,
    check_rights,
    clean_home,
    guard_home,
    hold_home,
    prepare_dagster_home,
    say,
)
from c360_dagster.messages.summary import summarise_run
from c360_dagster.ports import refuse_taken
from c360_dagster.settings import (
    REPOSITORY,
    UI_HOST,
    UI_PORT,
    Settings,
    SettingsError,
    environment_for_dagster,
    read_settings,
)
from c360_dagster.words import visible

MODULE = "c360_dagster.definitions"
SERVED = "c360_dagster.served"
HISTORY = "gold/customer_360_history"
SELECTIONS = {"run": "*", "refresh": "not group:landing"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m c360_dagster", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser(
        "run",
        help="simulate a retailer unless landing holds other files, then run the whole pipeline",
    )
    refresh = verbs.add_parser("refresh", help="load what is new, and rebuild what depends on it")
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
        sys.stderr.writelines(f"{doubt}\n" for doubt in settings.doubts)
        with guard_home(settings):
            check_rights(settings.home)
            if arguments.verb == "clean":
                return clean_home(settings)
            if arguments.verb == "docs":
                return write_docs(settings)
            if arguments.verb == "backfill":
                days = read_days(settings, arguments.first, arguments.last)
            if arguments.verb in {"refresh", "backfill"}:
                check_landing(settings)
            if arguments.verb == "ui":
                # Otherwise Dagster would go on without a page, and its daemon would launch the
                # other server's runs.
                refuse_taken(UI_HOST, int(UI_PORT), "make ui")
            prepare_dagster_home(settings)
    except SettingsError as problem:
        say(str(problem))
        return 1
    if arguments.verb == "ui":
        become_dagster(settings, "dev", "-h", UI_HOST, "-p", UI_PORT)
    if arguments.verb == "backfill":
        return record_days(settings, *days)
    anew = arguments.verb == "refresh" and arguments.anew
    return materialize(settings, arguments.verb, anew=anew)


def materialize(settings: Settings, verb: str, *, anew: bool = False) -> int:
    command = ("asset", "materialize", "--select", SELECTIONS[verb], "-m", MODULE)
    code, output = call_dagster(settings, *command, "--config-json", configure(verb, anew=anew))
    if output.run:
        sys.stdout.write(visible(summarise_run(settings, has_failed=code != 0)))
        sys.stdout.flush()
    return conclude(settings, f"make {verb}", code, output)


def configure(verb: str, *, anew: bool) -> str:
    """The run's configuration as JSON: how much it builds, and who asked for it."""
    extent = {"full_refresh": anew, "asked_by": f"make {verb}"}
    return json.dumps({"resources": {"extent": {"config": extent}}})


def conclude(settings: Settings, verb: str, code: int, output: DagsterOutput) -> int:
    """Writes the last lines about a run that failed, and returns the command's exit code."""
    if code == 0:
        return 0
    if output.run is None and output.is_stopped:
        sys.stderr.write(f"`{verb}` was stopped before it began anything.\n")
    elif output.run is None and not output.log_trouble:
        sys.stderr.write(f"`{verb}` started nothing: the reason is given above.\n")
    else:
        from c360_dagster.messages.failure_summary import explain_failure  # noqa: PLC0415  slow import

        sys.stderr.write(visible(explain_failure(settings, verb, output.run, output.log_trouble)))
    return 1


def read_days(settings: Settings, first: str, last: str) -> tuple[date, date]:
    """Returns the first and the last day; raises SettingsError if they cannot be recorded."""
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
    """Records past days in one run."""
    days = f"{first}...{last}"
    command = ("asset", "materialize", "--select", HISTORY, "-m", SERVED)
    code, output = call_dagster(settings, *command, "--partition-range", days)
    return conclude(settings, "make backfill", code, output)


def become_dagster(settings: Settings, *arguments: str) -> NoReturn:
    """Turns this process into Dagster's command, so that stopping it stops the server."""
    os.chdir(REPOSITORY)
    # Dagster ends its own processes with SIGINT, which children of a script inherit as ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    command = [*DAGSTER, *arguments]
    os.execve(sys.executable, command, environment_for_dagster(settings))  # noqa: S606  our own


def write_docs(settings: Settings) -> int:
    """Writes one self-contained page about every model, column and edge; needs an earlier run."""
    import duckdb  # noqa: PLC0415  slow import

    from c360_dagster.dbt_runner.dbt_project import DbtError, write_static_docs  # noqa: PLC0415  slow import
    from c360_dagster.resources.storage import StorageError, guard_storage  # noqa: PLC0415  the same
    from c360_dagster.resources.warehouse import WarehouseError, open_warehouse  # noqa: PLC0415  the same

    warehouse = settings.warehouse
    if not warehouse.exists():
        raise SettingsError(f"{warehouse} does not exist: run `make run` first, then `make docs`.")
    try:
        with hold_home(settings, "make docs"):
            # Opened here first, because dbt does not wait and has its own words for a failure.
            with guard_storage(settings.home):
                open_warehouse(warehouse, settings.lock_timeout, say).close()
            page = write_static_docs(warehouse, settings.home / "docs")
    except (DbtError, StorageError, WarehouseError, duckdb.Error) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(f"{page}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
