"""Tells which runs are at work: each locks its own file until its process ends or dies.

Dagster's launcher does not check a run again once it has begun. A run whose process was killed
would count as running for ever, and all later runs would wait for it in the queue. This launcher
checks.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

GONE = "its process is gone: it was killed, perhaps for lack of memory, or the machine stopped"
STARTING_SECONDS = 300
"""How long a started run without a file counts as alive; it creates one within a second."""


@contextmanager
def hold_run_file(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Keeps the run's file locked while the block runs; a run that dies leaves an unlocked file."""
    path = _run_file(instance, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_run_file_held(instance: dg.DagsterInstance, run_id: str) -> bool | None:
    """Whether the run is at work; None if it has no file yet, or has deleted it."""
    try:
        with _run_file(instance, run_id).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return True
    return False


def _run_file(instance: dg.DagsterInstance, run_id: str) -> Path:
    return Path(instance.storage_directory()).parent / "at_work" / run_id


class WatchfulRunLauncher(dg.DefaultRunLauncher):
    """Dagster's own launcher, which also tells whether the process of a started run still lives."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        is_at_work = is_run_file_held(self._instance, run.run_id)
        if is_at_work is None:
            record = self._instance.get_run_record_by_id(run.run_id)
            started = record.start_time if record else None
            is_at_work = not started or time.time() - started < STARTING_SECONDS
        if is_at_work:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        _run_file(self._instance, run.run_id).unlink(missing_ok=True)
        return CheckRunHealthResult(WorkerStatus.FAILED, GONE)
