"""One writer per C360_HOME: a lock of the operating system, freed when its process ends or dies."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO

import dagster as dg

from c360_dagster.resources.at_work import hold_run_file

Say = Callable[[str], None]

POLL_SECONDS = 0.2


class LockTimeoutError(Exception):
    """Raised if another run keeps the lock for longer than C360_LOCK_TIMEOUT."""


class HomeLock(dg.ConfigurableResource):
    """Required by every asset that generates, loads or builds; set up once for each run."""

    home: str
    timeout: int

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["HomeLock"]:
        log = context.log
        run_id = context.run.run_id if context.run else ""
        say = log.info if log else None
        with (
            _write_for_owner_alone(),
            hold_run_file(context.instance, run_id) if context.instance else nullcontext(),
            hold_lock(Path(self.home), self.timeout, run_id=run_id, say=say),
        ):
            yield self


@contextmanager
def _write_for_owner_alone() -> Iterator[None]:
    """Keeps other users from reading what a run writes, because it holds personal data."""
    others = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(others)


@contextmanager
def hold_lock(home: Path, timeout: int, *, run_id: str, say: Say | None = None) -> Iterator[None]:
    """Takes the lock of a C360_HOME; waits if another run has it."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("a+") as file:
        _wait_for(file, home, timeout, say)
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "run_id": run_id}))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
            fcntl.flock(file, fcntl.LOCK_UN)


def _wait_for(file: IO[str], home: Path, timeout: int, say: Say | None) -> None:
    deadline = time.monotonic() + timeout
    is_announced = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _describe_holder(file)
            if time.monotonic() >= deadline:
                raise LockTimeoutError(
                    f"{home} is in use by {holder}, and {timeout} s (C360_LOCK_TIMEOUT) have "
                    "passed: wait for that run to end, or stop it, and try again."
                ) from None
            if say and not is_announced:
                say(f"{home} is in use by {holder}: waiting up to {timeout} s for it to end.")
                is_announced = True
            time.sleep(POLL_SECONDS)
        else:
            return


def _describe_holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        holder = json.loads(file.read())
        return f"run {holder['run_id'] or '?'} (process {holder['pid']})"
    except (ValueError, TypeError, KeyError):
        return "another run"
