"""Takes the broken lines out of a CSV file whose quotes do not close, so that none swallows others.

Only for files where the reader's records and the file's lines disagree: it walks line by line.
"""

import csv
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from c360_dagster.loading.files import read_chunks

LONGEST_RECORD = 200
"""Lines that one quoted cell may span before its opening quote is taken for a slip."""

BROKEN = b"\x1a\n"
"""Stands for a broken record in the repaired file, so that record numbers stay what they are."""


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


def repair_text(source: Path, target: Path, width: int) -> Repaired:
    """Copies the file record by record; a line whose quotes do not close is set aside alone."""
    repaired = Repaired(target)
    lines = _Lines(read_lines(source))
    with target.open("wb") as out:
        header = next(lines.records(width), None)
        position = out.write(header.text) if header else 0
        for number, record in enumerate(lines.records(width), 1):
            repaired.line_of.append(record.line)
            repaired.start_of.append(position)
            if record.is_broken:
                repaired.broken[number] = record.text.rstrip(b"\n").decode("utf-8", "replace")
            position += out.write(BROKEN if record.is_broken else record.text)
    return repaired


@dataclass(frozen=True)
class _Record:
    line: int
    text: bytes
    is_broken: bool = False


class _Lines:
    """The file's lines, with the ability to look ahead and to put back what was not needed."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = enumerate(lines, 1)
        self._put_back: deque[tuple[int, bytes]] = deque()

    def _next(self) -> tuple[int, bytes] | None:
        return self._put_back.popleft() if self._put_back else next(self._lines, None)

    def records(self, width: int) -> Iterator[_Record]:
        while (numbered := self._next()) is not None:
            number, line = numbered
            if not line:
                continue
            if b'"' not in line:
                yield _Record(number, line + b"\n")
            elif line.count(b'"') % 2 == 0:
                yield _Record(number, line + b"\n", is_broken=not _is_one_record(line, None))
            else:
                joined = self._join(line, width)
                yield _Record(number, (joined or line) + b"\n", is_broken=joined is None)

    def _join(self, first: bytes, width: int) -> bytes | None:
        """The record that goes on over the next lines, or None where the quote is a slip."""
        taken: list[tuple[int, bytes]] = []
        while len(taken) < LONGEST_RECORD and (numbered := self._next()) is not None:
            taken.append(numbered)
            if numbered[1].count(b'"') % 2 == 1:
                break
        parts = [first, *(line for _, line in taken)]
        joined = b"\n".join(parts)
        if not _looks_swallowed(parts, width) and _is_one_record(joined, width):
            return joined
        self._put_back.extendleft(reversed(taken))
        return None


def read_lines(source: Path) -> Iterator[bytes]:
    """The file's lines without their ends, whichever of the three customs it follows."""
    rest = b""
    only_returns = _has_only_returns(source)
    for position, chunk in enumerate(read_chunks(source)):
        block = rest + (chunk.removeprefix(b"\xef\xbb\xbf") if position == 0 else chunk)
        if only_returns:
            block = block.replace(b"\r", b"\n")
        *lines, rest = block.split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
    if rest:
        yield rest.removesuffix(b"\r")


def _has_only_returns(source: Path) -> bool:
    return not any(b"\n" in chunk for chunk in read_chunks(source))


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
