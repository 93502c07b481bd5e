"""What became of a run, read from Dagster's own log of it: why it failed, what its checks found.

It works for runs of the schedule, the UI and the command line alike.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster._core.events import JobFailureData
from dagster._core.storage.tags import WILL_RETRY_TAG

from c360_dagster.alerts import Failure, Finding, RunReport, name_reason
from c360_dagster.resources.at_work import GONE

READ = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
}


def read_report(instance: dg.DagsterInstance, run: dg.DagsterRun) -> RunReport:
    """The report of a run that has ended."""
    events = [
        entry.dagster_event
        for entry in instance.all_logs(run.run_id, of_type=READ)
        if entry.dagster_event
    ]
    has_failed = run.status == dg.DagsterRunStatus.FAILURE
    found = {
        dg.AssetCheckSeverity.ERROR: list[Finding](),
        dg.AssetCheckSeverity.WARN: list[Finding](),
    }
    for severity, finding in _find_checks(events):
        found[severity].append(finding)
    return RunReport(
        run_id=run.run_id,
        job=_name_job(run),
        has_failed=has_failed,
        is_tried_again=run.tags.get(WILL_RETRY_TAG) == "true" and bool(run.remote_job_origin),
        failures=tuple(_find_failures(events)) if has_failed else (),
        errors=tuple(found[dg.AssetCheckSeverity.ERROR]),
        warnings=tuple(found[dg.AssetCheckSeverity.WARN]),
        stale=tuple(_find_stale(events)),
    )


def _name_job(run: dg.DagsterRun) -> str:
    """The job, the verb that asked for the run, or that somebody chose some tables."""
    if not run.job_name.startswith("__"):
        return run.job_name
    config: Any = run.run_config
    extent = config.get("resources", {}).get("extent", {}).get("config", {})
    return extent.get("asked_by") or "a run of chosen tables"


def _find_failures(events: Sequence[dg.DagsterEvent]) -> list[Failure]:
    """What each failed step said; what Dagster said where no step was to blame."""
    of_steps = [
        Failure(event.step_key, _say_failure(event))
        for event in events
        if event.event_type == dg.DagsterEventType.STEP_FAILURE
    ]
    return of_steps or [
        Failure(None, _say_end(event))
        for event in events
        if event.event_type == dg.DagsterEventType.RUN_FAILURE
    ]


def _say_failure(event: dg.DagsterEvent) -> str:
    failure = event.step_failure_data
    told = failure.user_failure_data.description if failure.user_failure_data else None
    return told or _say_error(failure.error) or f"{event.step_key} failed"


def _say_end(event: dg.DagsterEvent) -> str:
    """Of a run whose process died Dagster knows no error, and its sentence names its own parts."""
    told = event.message or "nobody knows"
    data = event.event_specific_data
    error = data.error if isinstance(data, JobFailureData) else None
    return GONE if GONE in told else _say_error(error) or told


def _say_error(error: Any) -> str:  # noqa: ANN401  its class is in a package behind Dagster
    """What our code raised, which is the cause of what Dagster raises."""
    return name_reason((error.cause or error).message) if error else ""


def _find_checks(
    events: Sequence[dg.DagsterEvent],
) -> Iterator[tuple[dg.AssetCheckSeverity, Finding]]:
    """The last word of each check, where that is no pass: a step may have been tried again."""
    last = {
        (evaluation.asset_key, evaluation.check_name): evaluation
        for event in events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        for evaluation in [event.asset_check_evaluation_data]
    }
    for (key, name), evaluation in last.items():
        if not evaluation.passed:
            finding = Finding(key.to_user_string(), name, evaluation.description or "")
            yield evaluation.severity, finding


def _find_stale(events: Sequence[dg.DagsterEvent]) -> list[str]:
    def keys(kind: dg.DagsterEventType) -> set[str]:
        found = (event.asset_key for event in events if event.event_type == kind)
        return {key.to_user_string() for key in found if key}

    planned = keys(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED)
    return sorted(planned - keys(dg.DagsterEventType.ASSET_MATERIALIZATION))
