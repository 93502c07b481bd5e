"""Finds the files in landing by their names: each one's table, and the day in its name.

content.py and the readers look at what is inside.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from landing_contract import Table, show_name

SUFFIXES = (".csv.gz", ".csv", ".parquet", ".xlsx")


class FileRefusedError(Exception):
    """A file that cannot be loaded as it is; the message is one sentence for whoever made it."""


@dataclass(frozen=True)
class LandingFile:
    path: Path
    name: str
    """The path below landing, with forward slashes, as in the logs and in `_file`."""
    table: Table
    suffix: str
    known_at: date | None

    @property
    def size(self) -> int:
        """In bytes; 0 for a link to nowhere, which is refused later, when it is read."""
        with suppress(OSError):
            return self.path.stat().st_size
        return 0


def find_files(landing: Path, table: Table) -> list[LandingFile]:
    """The table's files in landing, those without a date first, then by date and name."""
    folder = landing / table.folder
    if not folder.is_dir():
        return []
    found = []
    for path in folder.iterdir():
        matched = match_name(path.name, table)
        if matched:
            suffix, known_at = matched
            name = show_name(path.relative_to(landing).as_posix())
            found.append(LandingFile(path, name, table, suffix, known_at))
    return sorted(found, key=lambda file: (file.known_at or date.min, file.name))


def name_files(landing: Path, tables: Iterable[Table]) -> set[str]:
    """The names, as in the logs, of the tables' files in landing, even if they cannot be opened."""
    return {file.name for table in tables for file in find_files(landing, table)}


def match_name(name: str, table: Table) -> tuple[str, date | None] | None:
    """The suffix and the date in a file's name; None if the name is not one of the table's."""
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), None)
    if suffix is None or (suffix == ".xlsx" and not table.is_workbook):
        return None
    stem = name[: -len(suffix)]
    if stem == table.file_stem:
        return suffix, None
    if not stem.startswith(f"{table.file_stem}_"):
        return None
    rest = stem[len(table.file_stem) + 1 :]
    return suffix, _date_at_start(rest)


def refuse_odd_name(file: LandingFile) -> None:
    if not file.path.as_posix().endswith(file.name):
        raise FileRefusedError(
            "its name holds letters that are not written in UTF-8, as archives of other systems "
            "leave them, or that no screen shows: rename it"
        )


def _date_at_start(text: str) -> date | None:
    found = re.match(r"\d{4}-\d{2}-\d{2}(?!\d)", text)
    try:
        return date.fromisoformat(found.group()) if found else None
    except ValueError:
        return None
