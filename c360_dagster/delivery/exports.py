"""Reads and writes exports/, which has a folder for each audience with a few files for each day.

Files are written aside and then put in place, the manifest last. Only their owner may read them.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from c360_dagster.audiences.export import Previous

MANIFEST = ".json"


class ExportError(Exception):
    """Raised for an earlier export that cannot be read. The message names it and what to do."""


@dataclass(frozen=True)
class ExportFolder:
    """The folder of one audience."""

    folder: Path

    def find_previous(self, as_of: date) -> Previous | None:
        """Returns the newest export of an earlier day, because the day's own will be replaced."""
        days = [day for day in map(_read_day, self.folder.glob(f"*{MANIFEST}")) if day]
        earlier = max((day for day in days if day < as_of), default=None)
        return self._read(earlier) if earlier else None

    def find(self, day: date) -> Previous | None:
        """Returns that day's export; None if somebody deleted it."""
        return self._read(day) if (self.folder / f"{day}{MANIFEST}").exists() else None

    def write(self, as_of: date, files: Mapping[str, bytes]) -> None:
        """Writes all files aside before it puts the first in place."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left_by_a_crash in self.folder.glob(".*"):
            left_by_a_crash.unlink()
        places = {self.folder / f"{as_of}{ending}": files[ending] for ending in files}
        aside = {place: place.with_name(f".{place.name}") for place in places}
        try:
            for place, content in places.items():
                _write_privately(aside[place], content)
            for place in places:
                aside[place].replace(place)
        finally:
            for path in aside.values():
                path.unlink(missing_ok=True)

    def _read(self, day: date) -> Previous:
        manifest = self.folder / f"{day}{MANIFEST}"
        members = manifest.with_suffix(".parquet")
        try:
            definition = json.loads(manifest.read_text("utf-8"))["definition"]
            frame = pl.read_parquet(members, columns=["customer_id", "group"])
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as problem:
            raise ExportError(
                f"The export of {day} in {self.folder} cannot be read, so it is not known who "
                f"entered and who left since: {problem}. Put its files back, or move {manifest} "
                "away: then the export before it is compared."
            ) from None
        return Previous(day, definition, frame)


def _read_day(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.stem)
    except ValueError:
        return None


def _write_privately(path: Path, content: bytes) -> None:
    """Writes a file that nobody else can read, not even while it is being written."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
