"""The last lines about a run that failed: what failed, why, and whether the publication is new.

They are read from Dagster's own log of the run, like alerts. This module is imported only after a
failure.
"""

import shutil

import dagster as dg
import duckdb
from sqlalchemy.exc import DatabaseError

from c360_dagster.messages.reports import STOPPED, RunReport, read_report
from c360_dagster.resources.storage import advise_on_full_disk
from c360_dagster.settings import Settings
from c360_dagster.sql import fetch_row

LITTLE_ROOM = 10 << 20
"""With fewer free bytes, the disk counts as full: SQLite only says that it cannot write or read."""


def explain_failure(
    settings: Settings, verb: str, run_id: str | None, log_trouble: str | None = None
) -> str:
    """A sentence for each failed step, one about what is published, one about where to look."""
    report = None
    if run_id and not log_trouble:
        try:
            with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
                run = instance.get_run_by_id(run_id)
                report = read_report(instance, run) if run else None
        except DatabaseError as problem:
            log_trouble = str(problem.orig)
    lines = [
        *(_say_reasons(verb, report) if report else ()),
        *([_say_log_trouble(settings, verb, log_trouble)] if log_trouble else ()),
        _say_published(settings, run_id),
    ]
    if run_id and not log_trouble:
        lines.append(f"`make ui` shows it step by step: {settings.ui_url}/runs/{run_id}")
    return "\n".join(lines) + "\n"


def _say_log_trouble(settings: Settings, verb: str, message: str) -> str:
    if "full" in message or shutil.disk_usage(settings.home).free < LITTLE_ROOM:
        return f"`{verb}` was stopped. {advise_on_full_disk(settings.home)}"
    if "not a database" in message or "malformed" in message:
        return (
            f"`{verb}` was stopped because Dagster's log of runs is damaged ({message}): move the "
            f"folder {settings.dagster_home} away and run again. No figure is computed from it."
        )
    return f"`{verb}` was stopped because Dagster cannot write its log of runs: {message}."


def _say_reasons(verb: str, report: RunReport) -> list[str]:
    if all(failure.reason == STOPPED for failure in report.failures):
        return [f"`{verb}` was stopped before its end."]
    return [
        f"`{verb}` failed{f' in {failure.step}' if failure.step else ''}: {failure.reason}"
        for failure in report.failures
    ]


def _say_published(settings: Settings, run_id: str | None) -> str:
    snapshot = settings.published / "c360.duckdb"
    try:
        if not snapshot.exists():
            return "Nothing is published yet."
        with duckdb.connect(str(snapshot), read_only=True) as con:
            row = fetch_row(con, "select run_id, as_of_date from gold.publication")
    except (duckdb.Error, OSError) as problem:
        return f"What is published cannot be read: {str(problem).splitlines()[0]}"
    published_by, as_of = row or (None, None)
    if published_by == run_id:
        return f"This run's results are published, and complete: as of {as_of}."
    return f"What is published stayed as it was: as of {as_of}."
