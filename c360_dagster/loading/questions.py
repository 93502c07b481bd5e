"""Doubts about a file that was loaded: an unreadable day in its name, a spreadsheet cut short."""

import re

from c360_dagster.loading.files import LandingFile

LIKE_A_DAY = re.compile(
    r"(?<!\d)(?:"
    r"\d{4}([-_. ])\d{1,2}\1\d{1,2}|\d{1,2}([-_. ])\d{1,2}\2\d{4}|(?:19|20)\d{6}(?:\d{4,6})?(?!\d)"
    r")"
)
"""A day as people write one, whether it exists or not; a time may follow it directly."""
SHEETS = (65_536, 1_048_576)
"""How many lines a sheet holds in the older and in the newer format of spreadsheets."""


def question(file: LandingFile, records: int) -> str | None:
    """Returns what is doubtful about the file's name and length, or None.

    Not to be called for a file without rows, about which nothing is asked.
    """
    return " ".join(filter(None, (_question_day(file), _question_length(file, records)))) or None


def _question_day(file: LandingFile) -> str | None:
    """The message about a name that contains something like a day that cannot be read as one."""
    rest = file.path.name[len(file.table.file_stem) :]
    found = None if file.known_at else LIKE_A_DAY.search(rest)
    if not found:
        return None
    return (
        f"{file.name}: loaded, and treated as always known: '{found.group()}' in its name is not "
        f"a day, or is not written as in {file.table.file_stem}_2025-06-30{file.suffix}. If a "
        "day is meant, rename the file, and leave a file with only the header under the old "
        "name."
    )


def _question_length(file: LandingFile, records: int) -> str | None:
    """The message about a file that is exactly as long as a sheet.

    If a spreadsheet program opens a longer file and saves it, the lines beyond that are lost.
    """
    lines = records + 1
    if lines not in SHEETS:
        return None
    return (
        f"{file.name}: loaded, but with its header it has exactly {lines:,} lines, the most that a "
        "spreadsheet holds: check whether it was cut off there, and if so, export it again without "
        "opening it in one."
    )
