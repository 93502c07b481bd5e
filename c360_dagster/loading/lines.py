"""Reads a text file's lines, one by one or, if their quotes are sound, many at a time.

The lines come without their ends, which may be LF, CRLF or CR, also mixed in one file.
"""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from c360_dagster.loading.content import read_chunks

FEWEST = 8
"""Fewer lines than this are looked at one by one, which takes no longer."""
QUOTED = re.compile(rb'"(?<![^,\n]")[^"\n]*+(?:""[^"\n]*+)*+"(?=[,\n])')
"""A quoted cell that begins and ends in one line, with commas or line ends around it. The pattern
begins with the quote, before the condition on what precedes it, because that is found fastest."""


@dataclass(frozen=True)
class Run:
    """Consecutive lines, without the empty ones among them."""

    numbers: list[int]
    """Line numbers as an editor counts them."""
    texts: list[bytes]


@dataclass(frozen=True)
class SoundRun(Run):
    """Lines in which every quote belongs to a sound quoted cell."""

    shapes: list[bytes]
    """The texts with one letter in place of each quoted cell."""


class Lines:
    """Iterates over numbered lines; lines that were not needed can be put back."""

    def __init__(self, source: Path) -> None:
        self._blocks = _read_blocks(source)
        self._block = b""
        self._texts: list[bytes] = []
        self._at, self._number = 0, 0
        self._shapes: list[bytes] | None = None
        """The shapes of the block's lines, found when sound lines are first asked for."""
        self._unsound: list[int] = []
        """The places of the block's unsound lines, and then the place of its end."""
        self._put_back: deque[tuple[int, bytes]] = deque()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return self

    def __next__(self) -> tuple[int, bytes]:
        if self._put_back:
            return self._put_back.popleft()
        if self._at == len(self._texts):
            self._begin(next(self._blocks))
        line = self._texts[self._at]
        self._at, self._number = self._at + 1, self._number + 1
        return self._number, line

    def put_back(self, lines: Iterable[tuple[int, bytes]]) -> None:
        self._put_back.extendleft(reversed([*lines]))

    def take_sound(self) -> SoundRun | None:
        """Returns the sound lines that come next; None if they are few or lines were put back."""
        if self._put_back:
            return None
        if self._shapes is None:
            self._shapes = self._find_shapes()
        begin, end = self._at, self._unsound[bisect_left(self._unsound, self._at)]
        if end - begin < FEWEST:
            return None
        run = self._take(end)
        return SoundRun(run.numbers, run.texts, [*filter(None, self._shapes[begin:end])])

    def take_block(self) -> Run | None:
        """Returns the remaining lines of the block, or those of the next; None at the end."""
        if self._at == len(self._texts) and (block := next(self._blocks, None)):
            self._begin(block)
        return self._take(len(self._texts)) if self._at < len(self._texts) else None

    def _begin(self, block: bytes) -> None:
        self._block, self._texts = block, block[:-1].split(b"\n")
        self._at, self._shapes = 0, None

    def _find_shapes(self) -> list[bytes]:
        self._unsound = [len(self._texts)]
        if b'"' not in self._block:
            return self._texts
        shapes = QUOTED.sub(b"q", self._block)[:-1].split(b"\n")
        unsound = (place for place, shape in enumerate(shapes) if b'"' in shape)
        self._unsound = [*unsound, len(shapes)]
        return shapes

    def _take(self, end: int) -> Run:
        texts = self._texts[self._at : end]
        numbers = range(self._number + 1, self._number + 1 + len(texts))
        self._at, self._number = end, self._number + len(texts)
        return Run([*compress(numbers, texts)], [*filter(None, texts)])


def _read_blocks(source: Path) -> Iterator[bytes]:
    """Yields blocks of whole lines that all end with a newline, however they end in the file."""
    rest, held = b"", b""
    for position, chunk in enumerate(read_chunks(source)):
        block = held + (chunk.removeprefix(b"\xef\xbb\xbf") if position == 0 else chunk)
        held = b"\r" if block.endswith(b"\r") else b""  # its newline may be in the next chunk
        block = rest + block.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = block.rfind(b"\n") + 1
        rest = block[end:]
        if end:
            yield block[:end]
    if rest or held:
        yield rest + b"\n"
