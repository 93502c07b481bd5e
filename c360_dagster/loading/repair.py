"""Takes the broken lines out of a CSV file whose quotes do not close, so that none swallows others.

Only for files where the reader's records and the file's lines disagree.
"""

import csv
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from pathlib import Path

from c360_dagster.loading.lines import Lines

LONGEST_RECORD = 200
"""Lines that one quoted cell may span before its opening quote is taken for a slip."""

BROKEN = b"\x1a\n"
"""Stands for a broken record in the repaired file, so that record numbers stay what they are."""
Found = tuple[int, int, str]
"""A record's number, the line that it begins on, and its text."""


@dataclass
class Repaired:
    path: Path
    line_of: "array[int]" = field(default_factory=lambda: array("q"))
    """Each record's first line in the original file, as an editor counts."""
    start_of: "array[int]" = field(default_factory=lambda: array("q"))
    """Each record's first byte in the repaired file."""
    broken: dict[int, str] = field(default_factory=dict)
    """The text of each broken record, by record number."""

    @property
    def records(self) -> int:
        return len(self.line_of)

    def fetch(self, numbers: Sequence[int]) -> Iterator[Found]:
        """Some of the records, by their places in the repaired file."""
        with self.path.open("rb") as file:
            for number in numbers:
                start = self.start_of[number - 1]
                end = self.start_of[number] if number < self.records else self.path.stat().st_size
                file.seek(start)
                text = file.read(end - start).removesuffix(b"\n").decode("utf-8", "replace")
                yield number, self.line_of[number - 1], text


def repair_text(source: Path, target: Path, width: int) -> Repaired:
    """Copies the file record by record; a line whose quotes do not close is set aside alone."""
    repaired = Repaired(target)
    lines = Lines(source)
    with target.open("wb") as out:
        header = _read_record(lines, width)
        position = out.write(header.text) if header else 0
        while True:
            if plain := lines.take_plain():
                starts = accumulate((len(text) + 1 for text in plain.texts), initial=position)
                *before, position = starts
                repaired.line_of.extend(plain.numbers)
                repaired.start_of.extend(before)
                out.write(b"\n".join([*plain.texts, b""]))
            elif record := _read_record(lines, width):
                repaired.line_of.append(record.line)
                repaired.start_of.append(position)
                if record.is_broken:
                    broken = record.text.rstrip(b"\n").decode("utf-8", "replace")
                    repaired.broken[repaired.records] = broken
                position += out.write(BROKEN if record.is_broken else record.text)
            else:
                return repaired


@dataclass(frozen=True)
class _Record:
    line: int
    text: bytes
    is_broken: bool = False


def _read_record(lines: Lines, width: int) -> _Record | None:
    """The next one; empty lines are none."""
    for number, line in lines:
        if not line:
            continue
        if not line.startswith(b'"') and b',"' not in line:  # within a cell it is a character
            return _Record(number, line + b"\n")
        if line.count(b'"') % 2 == 0:
            return _Record(number, line + b"\n", is_broken=not _is_one_record(line, None))
        joined = _join(line, lines, width)
        return _Record(number, (joined or line) + b"\n", is_broken=joined is None)
    return None


def _join(first: bytes, lines: Lines, width: int) -> bytes | None:
    """The record that goes on over the next lines, or None where the quote is a slip."""
    taken: list[tuple[int, bytes]] = []
    for numbered in islice(lines, LONGEST_RECORD):
        taken.append(numbered)
        if numbered[1].count(b'"') % 2 == 1:
            break
    parts = [first, *(line for _, line in taken)]
    joined = b"\n".join(parts)
    if not _looks_swallowed(parts, width) and _is_one_record(joined, width):
        return joined
    lines.put_back(taken)
    return None


def _looks_swallowed(parts: list[bytes], width: int) -> bool:
    """Whether the joined lines look like records of their own, not like one cell's text."""
    whole = [part.count(b",") == width - 1 for part in parts]
    return len(parts) == 1 or any(whole[1:-1]) or (whole[0] and whole[-1])


def _is_one_record(text: bytes, width: int | None) -> bool:
    try:
        rows = list(csv.reader([text.decode("utf-8", "surrogateescape")], strict=True))
    except csv.Error:
        return False
    return len(rows) == 1 and width in (None, len(rows[0]))
