"""The folder C360_HOME: checks that it can be used, prepares it for Dagster, and cleans it."""

import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from c360_dagster.loading.files import find_files
from c360_dagster.loading.unknown_files import find_unknown_files
from c360_dagster.settings import REPOSITORY, Settings, SettingsError
from c360_dagster.words import visible
from landing_contract import read_contract

REMOVABLE = ("warehouse.duckdb", "warehouse.duckdb.wal", "published", "dagster", "docs")
WRITTEN = {*REMOVABLE, "registry", "history", "exports", "truth", ".lock"}
"""What is written there, besides landing; anything else, such as `lost+found`, is not checked."""


@contextmanager
def guard_home(settings: Settings) -> Iterator[None]:
    """Raises a SettingsError that names C360_HOME if the block cannot work with that folder."""
    try:
        yield
    except OSError as problem:
        raise SettingsError(
            f"C360_HOME is '{settings.home}', and that cannot be used ({problem.strerror}: "
            f"{problem.filename}): name a folder that you may write to, or make it one."
        ) from None


def check_rights(home: Path) -> None:
    """Raises PermissionError, before anything begins, if this user may not use something there.

    A run by the administrator leaves such files, a volume may be read-only, and whoever delivers
    files may have made a folder in landing that only they can open.
    """
    landing = home / "landing"
    for read in (landing, *(landing / table.folder for table in read_contract().values())):
        if read.exists() and not os.access(read, os.R_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(read))
    for folder, below, names in os.walk(home, onerror=_refuse):
        if Path(folder) == home:
            below[:] = WRITTEN.intersection(below)
            names[:] = WRITTEN.intersection(names)
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            with suppress(FileNotFoundError):  # a run at work deletes its files
                is_replaced = path != Path(folder) and path.lstat().st_uid == os.geteuid()
                if not is_replaced and not os.access(path, os.R_OK | os.W_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def _refuse(problem: OSError) -> None:
    if not isinstance(problem, FileNotFoundError):
        raise problem


def prepare_dagster_home(settings: Settings) -> None:
    """Puts the repository's dagster.yaml where Dagster looks for it."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = (REPOSITORY / "dagster.yaml").read_text("utf-8")
    with _lock_dagster_home(settings):
        (settings.dagster_home / "dagster.yaml").write_text(written, "utf-8")


def create_storage(settings: Settings) -> None:
    """Creates Dagster's databases if there are none yet.

    Two runs that both found none would otherwise create them at the same time and fail.
    """
    from dagster import DagsterInstance  # noqa: PLC0415  slow import

    with _lock_dagster_home(settings):
        if not (settings.dagster_home / "history" / "runs.db").exists():
            with DagsterInstance.from_config(str(settings.dagster_home)) as instance:
                instance.get_runs(limit=1)


@contextmanager
def _lock_dagster_home(settings: Settings) -> Iterator[None]:
    with (settings.dagster_home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_landing(settings: Settings) -> None:
    """Raises SettingsError if there is nothing to load and never was: C360_HOME is mistyped."""
    if settings.warehouse.exists():
        return
    contract = read_contract()
    if any(find_files(settings.landing, table) for table in contract.values()):
        return
    if unknown := find_unknown_files(settings.landing, contract):
        raise SettingsError(
            f"{settings.landing} holds no file that belongs to a table, only "
            f"{unknown[0]}{' and others' if len(unknown) > 1 else ''}: docs/your-own-data.md "
            "says where each file belongs and how it is named."
        )
    raise SettingsError(
        f"{settings.landing} holds no files: put yours there, or check C360_HOME; `make run` "
        "simulates a retailer."
    )


@contextmanager
def hold_home(settings: Settings, verb: str) -> Iterator[None]:
    """Keeps runs out of the home during the block; raises SettingsError if one does not end."""
    from c360_dagster.resources.lock import LockTimeoutError, hold_lock  # noqa: PLC0415  slow import

    try:
        with hold_lock(settings.home, settings.lock_timeout, run_id=f"of `{verb}`", say=say):
            yield
    except LockTimeoutError as problem:
        raise SettingsError(str(problem)) from None


def say(sentence: str) -> None:
    """Writes a sentence to the person at the keyboard."""
    sys.stderr.write(f"{visible(sentence)}\n")


def clean_home(settings: Settings) -> int:
    """Removes what the pipeline can make again, which excludes landing and the registry of ids."""
    found = _find_removable(settings.home)
    if found:
        with hold_home(settings, "make clean"):
            found = _find_removable(settings.home)  # a run that ended meanwhile may have made more
            for name in found:
                _remove(settings.home / name)
    kept = sorted(path.name for path in settings.home.glob("[!.]*"))
    removed = f"removed {', '.join(found)}" if found else "there was nothing to remove"
    sys.stdout.write(f"{settings.home}: {removed}; kept: {', '.join(kept) or 'nothing'}.\n")
    return 0


def _find_removable(home: Path) -> list[str]:
    return [name for name in REMOVABLE if os.path.lexists(home / name)]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
