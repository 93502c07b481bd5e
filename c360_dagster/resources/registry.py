"""The registry of ids: who was given which id, kept outside the warehouse so that none is lost.

Each generation is a folder of parquet files; the file `current` names the generation that counts.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from c360_dagster.resources.atomic_files import sync_to_disk

CURRENT = "current"
ABOUT = "about.json"
DIGITS = 6
FAST = 1
"""The level of zstd: files are hardly larger than at the usual level and take half the time."""


class RegistryError(Exception):
    """Raised if the registry exists but cannot be read; going on would give people other ids."""


@dataclass(frozen=True)
class Generation:
    """What the registry knew after one run."""

    number: int
    as_of: date
    frames: dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Registry:
    folder: Path

    def read(self) -> Generation | None:
        """Returns the generation that counts; None if no id was given yet."""
        pointer = self.folder / CURRENT
        if not pointer.exists():
            self._refuse_generations_without_pointer()
            return None
        try:
            folder = self.folder / pointer.read_text("utf-8").strip()
            about = json.loads((folder / ABOUT).read_text("utf-8"))
            return Generation(
                number=about["number"],
                as_of=date.fromisoformat(about["as_of"]),
                frames={
                    name: pl.read_parquet(folder / f"{name}.parquet") for name in about["files"]
                },
            )
        except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as problem:
            raise RegistryError(
                f"The registry of ids in {self.folder} cannot be read: {problem}. Restore the "
                "folder from a backup. Without it everybody would be given a new id; if that is "
                "what you want, move the folder away and run again."
            ) from None

    def _refuse_generations_without_pointer(self) -> None:
        """Raises if there are generations but no pointer to one of them.

        The first generation alone is no problem: a run may have died while it wrote it.
        """
        newest = max(self._list_generations(), default=None)
        if newest and int(newest.name) > 1:
            raise RegistryError(
                f"The registry of ids in {self.folder} lacks the file '{CURRENT}', which names "
                f"the generation that counts: write '{newest.name}' into it, or restore the "
                "folder from a backup. Without it everybody would be given a new id; if that is "
                "what you want, move the folder away and run again."
            )

    def write(self, number: int, as_of: date, frames: Mapping[str, pl.DataFrame]) -> None:
        """Replaces the last generation by a new one.

        The last one is deleted only when the new one is safely on the disk, so it remains if the
        run or the machine dies on the way.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds people's names
        folder = self.folder / f"{number:0{DIGITS}}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, frame in frames.items():
            frame.write_parquet(folder / f"{name}.parquet", compression_level=FAST)
        about = {"number": number, "as_of": as_of.isoformat(), "files": sorted(frames)}
        (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", "utf-8")
        pointer = folder / CURRENT
        pointer.write_text(folder.name + "\n", "utf-8")
        sync_to_disk(*folder.iterdir(), folder)
        pointer.replace(self.folder / CURRENT)
        sync_to_disk(self.folder)
        for other in self._list_generations():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)

    def _list_generations(self) -> list[Path]:
        """Returns all generations, finished or not, but no folders that people put there."""
        return list(self.folder.glob("[0-9]" * DIGITS))
