"""A text file's lines, one by one or, where no quote is among them, many at a time.

Without their ends, whichever of the three customs each of them follows.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from c360_dagster.loading.content import read_chunks

FEWEST = 8
"""Fewer lines than these are as soon looked at one by one."""


@dataclass(frozen=True)
class Run:
    """Lines that follow each other; the empty ones among them are left out."""

    numbers: list[int]
    """As an editor counts."""
    texts: list[bytes]


class Lines:
    """Numbered lines; what was not needed can be put back."""

    def __init__(self, source: Path) -> None:
        self._blocks = _read_blocks(source)
        self._block, self._at, self._number = b"", 0, 0
        self._put_back: deque[tuple[int, bytes]] = deque()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return self

    def __next__(self) -> tuple[int, bytes]:
        if self._put_back:
            return self._put_back.popleft()
        if self._at == len(self._block):
            self._block, self._at = next(self._blocks), 0
        end = self._block.index(b"\n", self._at)
        line, self._at = self._block[self._at : end], end + 1
        self._number += 1
        return self._number, line

    def put_back(self, lines: Iterable[tuple[int, bytes]]) -> None:
        self._put_back.extendleft(reversed([*lines]))

    def take_plain(self) -> Run | None:
        """As many lines without a quote as are at hand, if it is worth it."""
        if self._put_back:
            return None
        quote, end = self._block.find(b'"', self._at), len(self._block)
        if quote >= 0:
            end = self._block.rfind(b"\n", self._at, quote) + 1
        return self._take(end) if self._block.count(b"\n", self._at, end) >= FEWEST else None

    def take_block(self) -> Run | None:
        """As many lines as are at hand, whatever is in them."""
        if self._at == len(self._block):
            self._block, self._at = next(self._blocks, b""), 0
        return self._take(len(self._block)) if self._block else None

    def _take(self, end: int) -> Run:
        lines = self._block[self._at : end - 1].split(b"\n")
        numbers = range(self._number + 1, self._number + 1 + len(lines))
        self._at, self._number = end, self._number + len(lines)
        filled = [line for line in lines if line]
        kept = numbers if len(filled) == len(lines) else compress(numbers, lines)
        return Run([*kept], filled)


def _read_blocks(source: Path) -> Iterator[bytes]:
    """Pieces of whole lines that all end with a newline, whichever end each has in the file."""
    rest, held = b"", b""
    for position, chunk in enumerate(read_chunks(source)):
        block = held + (chunk.removeprefix(b"\xef\xbb\xbf") if position == 0 else chunk)
        held = b"\r" if block.endswith(b"\r") else b""  # its other half may follow
        block = rest + block.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = block.rfind(b"\n") + 1
        rest = block[end:]
        if end:
            yield block[:end]
    if rest or held:
        yield rest + b"\n"
