"""The lock of a home: one run at a time, a message for the second, none left by a killed run."""

import fcntl
import logging
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from c360_dagster.resources.lock import HomeLock, LockTimeoutError, hold_lock

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
        with (
            hold_lock(tmp_path, 0, run_id="the-second"),
            pytest.raises(LockTimeoutError, match=rf"run the-second \(process {os.getpid()}\)"),
            hold_lock(tmp_path, 0, run_id="the-third"),
        ):
            pytest.fail("both hold it")


def test_a_home_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    with hold_lock(tmp_path / "on" / "a_disk", 0, run_id="a"):
        assert (tmp_path / "on" / "a_disk").is_dir()


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="boom"), hold_lock(tmp_path, 0, run_id="a"):
        raise ValueError("boom")
    assert (tmp_path / ".lock").read_text() == "", "else the next one is taken for the one before"
    with hold_lock(tmp_path, 0, run_id="b"):
        pass


@pytest.mark.parametrize("said", ["", "1", "{}"])
def test_a_run_waits_even_if_the_holder_is_still_unknown(tmp_path: Path, said: str) -> None:
    with (tmp_path / ".lock").open("w+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(said)
        file.flush()
        with (
            pytest.raises(LockTimeoutError, match="is in use by another run, and 0 s"),
            hold_lock(tmp_path, 0, run_id="the-second"),
        ):
            pytest.fail("both hold it")


def test_a_run_holds_the_lock_by_its_id_and_writes_private_files(tmp_path: Path) -> None:
    said = []

    @dg.asset
    def people(lock: HomeLock) -> None:
        (Path(lock.home) / "people").touch()
        with pytest.raises(LockTimeoutError) as refused, hold_lock(tmp_path, 0, run_id="other"):
            pytest.fail("both hold it")
        said.append(str(refused.value))

    before = os.umask(0o022)
    try:
        lock = HomeLock(home=str(tmp_path), timeout=0)
        run = dg.materialize([people], resources={"lock": lock})
        (tmp_path / "readme").touch()
    finally:
        os.umask(before)
    assert f"run {run.run_id} (process {os.getpid()})" in said[0]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes["people"] == 0o600
    assert modes["readme"] == 0o644


def test_a_run_that_waits_says_so_in_its_log(tmp_path: Path) -> None:
    @dg.asset
    def people(lock: HomeLock) -> None: ...

    with dg.DagsterInstance.ephemeral() as instance, hold_lock(tmp_path, 0, run_id=""):
        lock = HomeLock(home=str(tmp_path), timeout=1)
        run = dg.materialize(
            [people], resources={"lock": lock}, instance=instance, raise_on_error=False
        )
        told = [each for each in instance.all_logs(run.run_id) if each.level == logging.INFO]
    assert not run.success
    waits = f"{tmp_path} is in use by run ? (process {os.getpid()}): waiting up to 1 s"
    assert [each.user_message[: len(waits)] for each in told] == [waits]
