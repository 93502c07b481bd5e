"""The lock of a home: one run at a time, a sentence for the second, no lock left by the dead."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from c360_dagster.resources.lock import LockTimeoutError, hold_lock

HOLDER = """
import sys, time
from pathlib import Path
from c360_dagster.resources.lock import hold_lock
with hold_lock(Path(sys.argv[1]), 0, run_id="the-first"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def _start_holder(home: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_run_says_who_holds_it_and_gives_up_in_time(tmp_path: Path) -> None:
    said: list[str] = []
    with _start_holder(tmp_path) as holder:
        with (
            pytest.raises(LockTimeoutError, match="C360_LOCK_TIMEOUT"),
            hold_lock(tmp_path, 1, run_id="the-second", say=said.append),
        ):
            pytest.fail("both hold it")
        holder.communicate("done\n")
    assert len(said) == 1
    assert f"run the-first (process {holder.pid})" in said[0]


def test_a_second_run_goes_on_when_the_first_ends(tmp_path: Path) -> None:
    with _start_holder(tmp_path) as holder:

        def release(_: str) -> None:
            holder.communicate("done\n")

        with hold_lock(tmp_path, 30, run_id="the-second", say=release):
            assert holder.returncode == 0


def test_a_killed_run_leaves_nothing_locked(tmp_path: Path) -> None:
    with _start_holder(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with hold_lock(tmp_path, 0, run_id="the-second"):
            pass


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="boom"), hold_lock(tmp_path, 0, run_id="a"):
        raise ValueError("boom")
    with hold_lock(tmp_path, 0, run_id="b"):
        pass
