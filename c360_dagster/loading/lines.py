"""A text file's lines, one by one or, where no quote is among them, many at a time.

Without their ends, whichever of the three customs the file follows.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from c360_dagster.loading.files import read_chunks

FEWEST = 8
"""Fewer lines than these are as soon looked at one by one."""


@dataclass(frozen=True)
class Plain:
    """Lines without a quote, none of them empty: each is a record by itself."""

    first: int
    """The number of the first of them, as an editor counts."""
    text: bytes
    """Every line ends with a newline."""

    def split(self) -> list[bytes]:
        return self.text[:-1].split(b"\n")


class Lines:
    """Numbered lines; what was not needed can be put back."""

    def __init__(self, source: Path) -> None:
        self._blocks = read_blocks(source)
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

    def take_plain(self) -> Plain | None:
        """As many plain lines as are at hand, if it is worth it."""
        if self._put_back:
            return None
        start, end = self._at, len(self._block)
        if (quote := self._block.find(b'"', start)) >= 0:
            end = self._block.rfind(b"\n", start, quote) + 1
        if (gap := self._block.find(b"\n\n", start, end)) >= 0:
            end = gap + 1
        text = self._block[start:end]
        count = text.count(b"\n")
        if count < FEWEST or text.startswith(b"\n"):
            return None
        self._at, self._number = end, self._number + count
        return Plain(self._number - count + 1, text)


def read_blocks(source: Path) -> Iterator[bytes]:
    """Pieces of whole lines that all end with a newline."""
    rest = b""
    only_returns = _has_only_returns(source)
    for position, chunk in enumerate(read_chunks(source)):
        block = rest + (chunk.removeprefix(b"\xef\xbb\xbf") if position == 0 else chunk)
        if only_returns:
            block = block.replace(b"\r", b"\n")
        end = block.rfind(b"\n") + 1
        rest = block[end:]
        if end:
            yield block[:end].replace(b"\r\n", b"\n")
    if rest:
        yield rest.removesuffix(b"\r") + b"\n"


def _has_only_returns(source: Path) -> bool:
    return not any(b"\n" in chunk for chunk in read_chunks(source))
