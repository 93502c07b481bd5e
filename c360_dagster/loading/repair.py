"""Takes broken lines out of a CSV file, because a quote that does not close swallows other lines.

Used only if the reader's records and the file's lines disagree, or if the reader would reject very
many lines: one that is cut short costs the reader as much time as a hundred good ones.
"""

import csv
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from pathlib import Path

from c360_dagster.loading.lines import Lines

LONGEST_RECORD = 200
"""How many lines a quoted cell may span before its opening quote is taken for a mistake."""

UNCLOSED = "a quote opens and does not close"
MISPLACED = "a quote opens or closes in the wrong place"
TOO_LONG = "the line is longer than two million characters"
LONGEST_LINE = 2_000_000
"""How many bytes the reader accepts in one line."""
csv.field_size_limit(LONGEST_LINE)

Found = tuple[int, int, str]
"""A record's number, the number of its first line, and its text."""


@dataclass(frozen=True)
class Broken:
    text: str
    reason: str


@dataclass
class Repaired:
    path: Path
    line_of: "array[int]" = field(default_factory=lambda: array("q"))
    """Each record's first line in the original file, as an editor counts."""
    start_of: "array[int]" = field(default_factory=lambda: array("q"))
    """Each record's first byte in the repaired file."""
    broken: dict[int, Broken] = field(default_factory=dict)
    """By record number. In the repaired file an empty row replaces each, to keep the numbering."""

    @property
    def records(self) -> int:
        return len(self.line_of)

    def fetch(self, numbers: Sequence[int]) -> Iterator[Found]:
        """Yields the records with these numbers from the repaired file."""
        with self.path.open("rb") as file:
            for number in numbers:
                start = self.start_of[number - 1]
                end = self.start_of[number] if number < self.records else self.path.stat().st_size
                file.seek(start)
                text = file.read(end - start).removesuffix(b"\n").decode("utf-8", "replace")
                yield number, self.line_of[number - 1], text


def repair_text(source: Path, target: Path, width: int) -> Repaired:
    """Copies the file record by record; sets aside each line that is not part of a record."""
    repaired = Repaired(target)
    lines = Lines(source)
    empty = b",".join([b'""'] * width)
    with target.open("wb") as out:
        header = _read_record(lines, width)
        position = out.write(header.text + b"\n") if header else 0
        while True:
            if sound := lines.take_sound():
                numbers, texts = sound.numbers, sound.texts
                reasons = _find_faults(texts, sound.shapes, width)
            elif record := _read_record(lines, width):
                numbers, texts = [record.line], [record.text]
                reasons = {0: record.reason} if record.reason else {}
            else:
                return repaired
            for place, reason in reasons.items():
                text = texts[place].decode("utf-8", "replace")
                repaired.broken[repaired.records + place + 1] = Broken(text, reason)
                texts[place] = empty
            repaired.line_of.extend(numbers)
            starts = accumulate((len(text) + 1 for text in texts), initial=position)
            *before, position = starts
            repaired.start_of.extend(before)
            out.write(b"\n".join([*texts, b""]))


def _find_faults(texts: list[bytes], shapes: list[bytes], width: int) -> dict[int, str]:
    """Returns what is wrong with the lines, by place; their quotes must be sound."""
    reasons = {
        place: _say_short(shape.count(b",") + 1, width)
        for place, shape in enumerate(shapes)
        if shape.count(b",") < width - 1
    }
    if max(map(len, texts), default=0) > LONGEST_LINE:
        long = (place for place, text in enumerate(texts) if len(text) > LONGEST_LINE)
        reasons = dict.fromkeys(long, TOO_LONG) | reasons
    return reasons


@dataclass(frozen=True)
class _Record:
    line: int
    text: bytes
    reason: str | None = None


def _read_record(lines: Lines, width: int) -> _Record | None:
    """Returns the next record, or None at the end; skips empty lines."""
    for number, line in lines:
        if not line:
            continue
        if not line.startswith(b'"') and b',"' not in line:  # inside a cell, a quote means nothing
            return _Record(number, line, _find_faults([line], [line], width).get(0))
        joined = line if line.count(b'"') % 2 == 0 else _join(line, lines, width)
        if not joined:
            return _Record(number, line, UNCLOSED)
        if len(joined) > LONGEST_LINE:
            return _Record(number, joined, TOO_LONG)
        found = _count_columns(joined)
        if not found:
            return _Record(number, joined, MISPLACED)
        return _Record(number, joined, _say_short(found, width) if found < width else None)
    return None


def _say_short(found: int, width: int) -> str:
    return f"the line has {found} of {width} columns"


def _join(first: bytes, lines: Lines, width: int) -> bytes | None:
    """Returns the record that goes on over the next lines, or None if its quote is a mistake."""
    taken: list[tuple[int, bytes]] = []
    for numbered in islice(lines, LONGEST_RECORD):
        taken.append(numbered)
        if numbered[1].count(b'"') % 2 == 1:
            break
    parts = [first, *(line for _, line in taken)]
    joined = b"\n".join(parts)
    if not _looks_swallowed(parts, width) and _count_columns(joined) == width:
        return joined
    lines.put_back(taken)
    return None


def _looks_swallowed(parts: list[bytes], width: int) -> bool:
    """Whether the joined lines look like records of their own, not like one cell's text."""
    whole = [part.count(b",") == width - 1 for part in parts]
    return len(parts) == 1 or any(whole[1:-1]) or (whole[0] and whole[-1])


def _count_columns(text: bytes) -> int | None:
    """Returns None if the text is not exactly one record."""
    try:
        rows = list(csv.reader([text.decode("utf-8", "surrogateescape")], strict=True))
    except csv.Error:
        return None
    return len(rows[0]) if len(rows) == 1 else None
