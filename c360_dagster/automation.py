"""Defines the jobs and what starts by itself: the schedule, the sensor for new files, the alerts.

Defining them reads nothing; sensors look at files and runs only when Dagster evaluates them.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg

from c360_dagster.history.days import KEY as HISTORY
from c360_dagster.layers import BRONZE, LANDING
from c360_dagster.loading.files import find_files
from c360_dagster.messages.alerts import AlertError, send, write_message
from c360_dagster.messages.reports import NOT_DELIVERED_TAG, read_report
from c360_dagster.settings import Settings, limit_runs_per_alert_check
from c360_dagster.words import count
from landing_contract import read_contract

DAILY_AT = "0 6 * * *"
LOOK_EVERY_SECONDS = 60
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]

Job = Any
"""Dagster exports no type for a job whose assets are still to be looked up."""


@dataclass(frozen=True)
class Automation:
    jobs: list[Job]
    schedules: list[dg.ScheduleDefinition]
    sensors: list[dg.SensorDefinition]


def build_automation(settings: Settings) -> Automation:
    """Builds the jobs, what starts them, and the alerts about their runs."""
    limit_runs_per_alert_check()
    pipeline = dg.AssetSelection.all() - dg.AssetSelection.assets(HISTORY)  # which is made by date
    everything = dg.define_asset_job(
        "everything",
        pipeline,
        description="The whole pipeline, as `make run` runs it: simulate, load, build, publish.",
    )
    daily_refresh = dg.define_asset_job(
        "daily_refresh",
        pipeline,
        description=(
            "The day's work: simulates the day unless your own files are in landing, loads "
            "whatever is new there, rebuilds what depends on it and publishes."
        ),
    )
    models_only = dg.define_asset_job(
        "models_only",
        pipeline - dg.AssetSelection.groups(LANDING.name, BRONZE.name),
        description=(
            "Everything from silver on, from what bronze holds: after a change to a model or "
            "setting."
        ),
    )
    return Automation(
        jobs=[everything, daily_refresh, models_only],
        schedules=[_build_schedule(settings, daily_refresh)],
        sensors=[
            _build_arrivals(settings, daily_refresh),
            _build_failure_alert(settings),
            _build_check_alert(settings),
        ],
    )


def _build_schedule(settings: Settings, job: Job) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="every_morning",
        job=job,
        cron_schedule=DAILY_AT,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=(
            "On, because figures that nobody refreshes mislead: daily_refresh at 06:00 in "
            f"C360_TIMEZONE ({settings.timezone}), also on the days on which clocks change. It "
            "runs while `make ui` or Dagster's daemon does."
        ),
    )


def _build_arrivals(settings: Settings, job: Job) -> dg.SensorDefinition:
    contract = read_contract()

    @dg.sensor(
        name="files_arrived",
        job=job,
        minimum_interval_seconds=LOOK_EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=(
            "Starts daily_refresh once when files in landing are new or changed, and size and "
            "time of all of them were the same in two checks. Off, because the schedule loads "
            "them anyway, and whoever copies files by hand may want to finish first. Files that "
            "the simulator wrote do not count."
        ),
    )
    def files_arrived(
        context: dg.SensorEvaluationContext,
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        found = _survey_landing(settings, contract)
        seen = hashlib.sha256("\n".join(found).encode()).hexdigest()
        before = json.loads(context.cursor or "{}")
        if not found or seen == before.get("asked"):
            yield dg.SkipReason(f"Nothing new: {count(len(found), 'file')} of your own in landing.")
        elif seen != before.get("seen"):
            context.update_cursor(json.dumps(before | {"seen": seen}))
            yield dg.SkipReason(
                "Files are arriving: the next check tells whether they are complete."
            )
        elif context.instance.get_runs_count(_unfinished(job.name)):
            yield dg.SkipReason(
                f"{job.name} is running or in the queue: files wait until it has ended."
            )
        else:
            context.update_cursor(json.dumps({"seen": seen, "asked": seen}))
            # No run key, because Dagster accepts each only once and a file may be put back as it
            # was.
            yield dg.RunRequest()

    return files_arrived


def _unfinished(job: str) -> dg.RunsFilter:
    return dg.RunsFilter(job_name=job, statuses=UNFINISHED)


def _survey_landing(settings: Settings, contract: dict[str, Any]) -> list[str]:
    """Name, size and time of every file that the loader would take and the simulator did not write.

    Leaves out a file that vanishes meanwhile or cannot be looked at.
    """
    simulated = _read_simulated(settings)
    found = []
    for table in contract.values():
        for file in find_files(settings.landing, table):
            try:
                status = file.path.stat()
            except OSError:
                continue
            if file.name not in simulated:
                found.append(f"{file.name} {status.st_size} {status.st_mtime_ns}")
    return sorted(found)


def _read_simulated(settings: Settings) -> set[str]:
    from mock_data.landing import MARK  # noqa: PLC0415  imports the whole simulation

    try:
        mark = json.loads((settings.landing / MARK).read_text("utf-8"))
        return {*mark["files"], *mark.get("attempt", {}).get("files", {})}
    except (FileNotFoundError, ValueError, TypeError, KeyError):  # missing or unreadable
        return set()


def _build_failure_alert(settings: Settings) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="alert_on_failure",
        monitor_all_code_locations=True,  # runs of the command line belong to no location
        minimum_interval_seconds=LOOK_EVERY_SECONDS,
        default_status=_status(settings),
        description=f"One message for each run that failed. {_say_status(settings)}",
    )
    def alert_on_failure(context: dg.RunFailureSensorContext) -> None:
        _alert(settings, context)

    return alert_on_failure


def _build_check_alert(settings: Settings) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name="alert_on_checks",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitor_all_code_locations=True,  # the same
        minimum_interval_seconds=LOOK_EVERY_SECONDS,
        default_status=_status(settings),
        description=(
            "One message for each run that succeeded although checks failed or warned; those of "
            f"a failed run are in its own message. {_say_status(settings)}"
        ),
    )
    def alert_on_checks(context: dg.RunStatusSensorContext) -> None:
        _alert(settings, context)

    return alert_on_checks


def _status(settings: Settings) -> dg.DefaultSensorStatus:
    if settings.webhook_url:
        return dg.DefaultSensorStatus.RUNNING
    return dg.DefaultSensorStatus.STOPPED


def _say_status(settings: Settings) -> str:
    if settings.webhook_url:
        return "On, because C360_WEBHOOK_URL says where to."
    return "Off, because C360_WEBHOOK_URL does not say where to; switched on, it writes to its log."


def _alert(settings: Settings, context: dg.RunStatusSensorContext) -> None:
    if _is_someone_elses(context.dagster_run, context.repository_def):
        return
    report = read_report(context.instance, context.dagster_run)
    if not report.is_worth_a_message:
        return
    message = write_message(report, settings.ui_url)
    context.log.warning(message)
    if not settings.webhook_url:
        return
    try:
        send(settings.webhook_url, message)
    except AlertError:
        context.instance.add_run_tags(context.dagster_run.run_id, NOT_DELIVERED_TAG)
        raise


def _is_someone_elses(run: dg.DagsterRun, ours: dg.RepositoryDefinition | None) -> bool:
    """Whether the run belongs to another code location, about which our webhook is not told."""
    if not ours or not run.remote_job_origin:
        return False
    chosen = run.asset_selection or set()
    return not ours.has_job(run.job_name) or (
        bool(chosen) and chosen.isdisjoint(ours.asset_graph.get_all_asset_keys())
    )
