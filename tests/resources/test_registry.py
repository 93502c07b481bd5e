"""The registry of ids on disk: it has whole generations, and an unreadable one is never guessed."""

import errno
import os
import shutil
import stat
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from c360_dagster.resources.registry import Registry, RegistryError

DAY = date(2026, 1, 31)


def ids(*values: str) -> dict[str, pl.DataFrame]:
    return {"ids": pl.DataFrame({"customer_id": list(values)})}


def test_a_missing_registry_reads_as_none(tmp_path: Path) -> None:
    assert Registry(tmp_path / "registry").read() is None


def test_the_last_generation_counts_and_earlier_ones_are_removed(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry")
    registry.write(1, DAY, ids("c1"))
    for mine in ("my backup", "20260131"):
        (registry.folder / mine).mkdir()
    registry.write(2, DAY, ids("c1", "c2"))
    known = registry.read()
    assert known
    assert (known.number, known.as_of) == (2, DAY)
    assert known.frames["ids"]["customer_id"].to_list() == ["c1", "c2"]
    lying = sorted(path.name for path in registry.folder.iterdir())
    assert lying == ["000002", "20260131", "current", "my backup"]
    assert stat.S_IMODE(registry.folder.stat().st_mode) == 0o700


def test_a_write_that_died_leaves_the_last(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.write(1, DAY, ids("c1"))
    half = tmp_path / "000002"
    half.mkdir()
    (half / "ids.parquet").write_bytes(b"half")
    known = registry.read()
    assert known
    assert known.number == 1
    registry.write(2, DAY, ids("c1", "c2"))
    assert (known := registry.read())
    assert known.frames["ids"].height == 2


def test_a_generation_is_removed_only_once_the_next_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a machine that loses power in that minute would have neither."""
    registry = Registry(tmp_path)
    registry.write(1, DAY, ids("c1"))
    settled: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: settled.append(os.fstat(file).st_ino))
    remove = shutil.rmtree

    def look(path: Path, *, ignore_errors: bool) -> None:
        if path.name == "000001":
            files = [tmp_path / "current", *(tmp_path / "000002").iterdir()]
            folders = [tmp_path / "000002", tmp_path]
            assert settled[-1] == tmp_path.stat().st_ino, "with what `current` is now"
            assert {each.stat().st_ino for each in (*files, *folders)} == set(settled)
        remove(path, ignore_errors=ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", look)
    registry.write(2, DAY, ids("c1", "c2"))
    assert not (tmp_path / "000001").exists()


def test_a_network_share_that_cannot_sync_folders_can_hold_a_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle(file: int) -> None:
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(os, "fsync", settle)
    registry = Registry(tmp_path)
    registry.write(1, DAY, ids("c1"))
    assert registry.read()


@pytest.mark.parametrize(
    ("broken", "content"),
    [
        ("000001/ids.parquet", b"\xffgone"),
        ("000001/about.json", b"\xffgone"),
        ("000001/about.json", b"{}"),
        ("current", b"\xffgone"),
        ("current", b"000007"),
    ],
)
def test_an_unreadable_registry_is_an_error(tmp_path: Path, broken: str, content: bytes) -> None:
    registry = Registry(tmp_path)
    registry.write(1, DAY, ids("c1"))
    (tmp_path / broken).write_bytes(content)
    with pytest.raises(RegistryError, match="Restore the folder from a backup"):
        registry.read()


def test_generations_without_the_file_current_are_an_error(tmp_path: Path) -> None:
    """If a restore left out the file `current`, writing would remove the last generation."""
    registry = Registry(tmp_path)
    registry.write(1, DAY, ids("c1"))
    (tmp_path / "current").unlink()
    assert registry.read() is None, "so a first run that died while it wrote leaves it"
    registry.write(2, DAY, ids("c1"))
    (tmp_path / "000001").mkdir()  # as if the one before could not be removed
    (tmp_path / "current").unlink()
    with pytest.raises(RegistryError, match="write '000002' into it"):
        registry.read()
