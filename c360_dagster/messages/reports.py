"""Reads from Dagster's own log what became of a run: why it failed, what its checks found.

It works for runs of the schedule, the UI and the command line alike.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.events import JobFailureData
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    WILL_RETRY_TAG,
)

from c360_dagster.resources.at_work import GONE

NOT_DELIVERED_TAG = {"c360/alert": "not delivered"}
"""The tag of a run whose message did not arrive, so that nobody knows what it found."""
LAST_RUNS = 30
"""How many runs are searched for what a check found before; many may be of chosen tables only."""
FOUND_DEAD = "marked as failed from outside the execution context"
"""All that the server finally says about a run of its own whose process died."""
INTERRUPTED = "DagsterExecutionInterruptedError"
"""All that Dagster says about a step that somebody stopped."""
STOPPED = "it was stopped before its end"
EVENT_TYPES = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
}


@dataclass(frozen=True)
class Finding:
    """A check that did not pass: its table, its name, and what it found."""

    table: str
    check: str
    description: str
    is_known: bool = False
    """Whether it found the same the last time; nobody wants to be told that every morning."""


@dataclass(frozen=True)
class Failure:
    """Why a step failed, or, without a step, why the run as a whole did."""

    step: str | None
    reason: str


@dataclass(frozen=True)
class RunReport:
    """What people need to know about a run."""

    run_id: str
    job: str
    has_failed: bool
    is_tried_again: bool = False
    """Whether Dagster tries the run again, as it does once if the run's process died."""
    failures: tuple[Failure, ...] = ()
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    stale: tuple[str, ...] = ()
    """The tables, as layer/name, that the run should have made and did not."""

    @property
    def is_worth_a_message(self) -> bool:
        return self.has_failed or bool(self.errors or self.new_warnings)

    @property
    def new_warnings(self) -> tuple[Finding, ...]:
        return tuple(found for found in self.warnings if not found.is_known)


def read_report(instance: dg.DagsterInstance, run: dg.DagsterRun) -> RunReport:
    """The report of a run that has ended."""
    events = [
        entry.dagster_event
        for entry in instance.all_logs(run.run_id, of_type=EVENT_TYPES)
        if entry.dagster_event
    ]
    has_failed = run.status == dg.DagsterRunStatus.FAILURE
    # Read anew: Dagster notes only a moment after the failure whether it tries the run again.
    tags = (instance.get_run_by_id(run.run_id) or run).tags
    found = {
        dg.AssetCheckSeverity.ERROR: list[Finding](),
        dg.AssetCheckSeverity.WARN: list[Finding](),
    }
    for evaluation in _find_checks(events):
        found[evaluation.severity].append(
            Finding(
                evaluation.asset_key.to_user_string(),
                evaluation.check_name,
                evaluation.description or "",
                is_known=_was_found_before(instance, run.run_id, evaluation),
            )
        )
    return RunReport(
        run_id=run.run_id,
        job=_name_job(run),
        has_failed=has_failed,
        is_tried_again=tags.get(WILL_RETRY_TAG) == "true" and bool(run.remote_job_origin),
        failures=tuple(_find_failures(events)) if has_failed else (),
        errors=tuple(found[dg.AssetCheckSeverity.ERROR]),
        warnings=tuple(found[dg.AssetCheckSeverity.WARN]),
        stale=tuple(_find_stale(events)),
    )


def _name_job(run: dg.DagsterRun) -> str:
    """The job, the days of a backfill, the command that asked for the run, or `chosen tables`."""
    if not run.job_name.startswith("__"):
        return run.job_name
    if first := run.tags.get(ASSET_PARTITION_RANGE_START_TAG):
        last = run.tags[ASSET_PARTITION_RANGE_END_TAG]
        return f"the backfill of {first}" + (f" to {last}" if last != first else "")
    config: Any = run.run_config
    extent = config.get("resources", {}).get("extent", {}).get("config", {})
    return extent.get("asked_by") or "a run of chosen tables"


def _find_failures(events: Sequence[dg.DagsterEvent]) -> list[Failure]:
    """What each failed step said; what Dagster said if no step failed."""
    of_steps = [
        Failure(event.step_key, _explain_step_failure(event))
        for event in events
        if event.event_type == dg.DagsterEventType.STEP_FAILURE
    ]
    return of_steps or [
        Failure(None, _explain_run_failure(event))
        for event in events
        if event.event_type == dg.DagsterEventType.RUN_FAILURE
    ]


def _explain_step_failure(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data
    message = failure.user_failure_data.description if failure.user_failure_data else None
    return message or _explain_error(failure.error) or f"{event.step_key} failed"


def _explain_run_failure(event: dg.DagsterEvent) -> str:
    """Why the run as a whole failed.

    If its process died, Dagster knows no error and names its own internals, so our own sentence is
    returned.
    """
    message = event.message or "nobody knows"
    data = event.event_specific_data
    error = data.error if isinstance(data, JobFailureData) else None
    is_gone = any(sign in message for sign in (GONE, FOUND_DEAD))
    return GONE if is_gone else _explain_error(error) or message


def _explain_error(error: Any) -> str:  # noqa: ANN401  its class is in a package behind Dagster
    """The error that our code raised, which is the cause of the one that Dagster raises."""
    reason = name_reason((error.cause or error).message) if error else ""
    return STOPPED if reason.endswith(INTERRUPTED) else reason


def name_reason(message: str) -> str:
    """Returns an error's text without the module path; our own errors lose the class name, too."""
    message = re.sub(r"\Ac360_dagster\.[\w.]+: ", "", message.strip())
    return re.sub(r"\A(?:\w+\.)+(?=\w+: )", "", message)


def _find_checks(events: Sequence[dg.DagsterEvent]) -> list[AssetCheckEvaluation]:
    """The checks whose last result is not a pass; a step may have been tried several times."""
    last = {
        evaluation.asset_check_key: evaluation
        for event in events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        for evaluation in [event.asset_check_evaluation_data]
    }
    return [evaluation for evaluation in last.values() if not evaluation.passed]


def _was_found_before(
    instance: dg.DagsterInstance, run_id: str, evaluation: AssetCheckEvaluation
) -> bool:
    """Whether the check found the same when it last ran before this run.

    Runs that nobody was told about do not count.
    """
    history = instance.event_log_storage.get_asset_check_execution_history(
        evaluation.asset_check_key, LAST_RUNS
    )
    answers = [
        (record.run_id, record.evaluation)
        for record in history  # the latest first
        if isinstance(record.evaluation, AssetCheckEvaluation)
    ]
    runs = [run for run, _ in answers]
    earlier = answers[runs.index(run_id) :] if run_id in runs else []
    before = next(
        (answer for run, answer in earlier if run != run_id and not _is_unreported(instance, run)),
        None,
    )
    return bool(
        before and not before.passed and _compared_part(before) == _compared_part(evaluation)
    )


def _is_unreported(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether nobody was told about the run: its message did not arrive, or it was cancelled."""
    run = instance.get_run_by_id(run_id)
    return run is not None and (
        run.status == dg.DagsterRunStatus.CANCELED or run.tags.items() >= NOT_DELIVERED_TAG.items()
    )


def _compared_part(evaluation: AssetCheckEvaluation) -> object:
    """What makes two findings different: the number of rejected rows or, without one, the words."""
    return evaluation.metadata.get("rows_rejected") or evaluation.description


def _find_stale(events: Sequence[dg.DagsterEvent]) -> list[str]:
    def keys(kind: dg.DagsterEventType) -> set[str]:
        found = (event.asset_key for event in events if event.event_type == kind)
        return {key.to_user_string() for key in found if key}

    planned = keys(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    return sorted(planned - keys(dg.DagsterEventType.ASSET_MATERIALIZATION))
