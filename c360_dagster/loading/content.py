"""Handles a landing file as bytes: unpacks it, takes its fingerprint, tells format and encoding.

Nothing here knows what a row is; csv_text.py and workbook.py read rows.
"""

import codecs
import gzip
import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from c360_dagster.loading.files import FileRefusedError, LandingFile

CHUNK = 1 << 20
ZIP, GZIP, PARQUET, OLD_EXCEL = b"PK\x03\x04", b"\x1f\x8b", b"PAR1\x15", b"\xd0\xcf\x11\xe0"
"""How files of other formats begin. A CSV header could begin with PAR1, too, so the byte after that
is compared as well."""
LARGE_UNPACKED, MOST_TIMES = 1 << 30, 250
"""A compressed file may unpack to 1 GiB, or to 250 times its own size if that is more. Tables
shrink to about a tenth; gzip can shrink a file to a thousandth at most."""


class Stamp(NamedTuple):
    """What the file system says about a file, to notice if it is replaced while it is read."""

    modified_ns: int
    size: int
    inode: int


@dataclass(frozen=True)
class Fingerprint:
    size: int
    checksum: str
    stamp: Stamp


@dataclass(frozen=True)
class TextShape:
    """Counts of a text file's bytes; they decide how the file can be read."""

    lines: int
    newlines: int
    """Newline bytes: one for each line, except for a last line that does not end with one."""
    crlf: int
    """Newlines after a carriage return."""
    bare_cr: int
    """Carriage returns without a newline."""
    encoding_problem: str | None


def take_fingerprint(path: Path, known: Fingerprint | None = None) -> Fingerprint:
    """Returns the file's size and the checksum of its content (unpacked, if it is compressed).

    Returns the known fingerprint without reading the file if its stamp is still the same.
    """
    digest = hashlib.sha256()
    try:
        stamp = take_stamp(path)
    except OSError as problem:
        raise FileRefusedError(f"it cannot be opened: {problem.strerror}") from problem
    if known and known.stamp == stamp:
        return known
    for chunk in read_chunks(path):
        digest.update(chunk)
    return Fingerprint(stamp.size, digest.hexdigest(), stamp)


def take_stamp(path: Path) -> Stamp:
    status = path.stat()
    return Stamp(status.st_mtime_ns, status.st_size, status.st_ino)


def unpack(path: Path, target: Path) -> Path:
    """Writes the content of a compressed file to target."""
    with target.open("wb") as plain:
        for chunk in read_chunks(path):
            plain.write(chunk)
    return target


def read_chunks(path: Path) -> Iterator[bytes]:
    """Yields the file's content in pieces, unpacked if it is compressed."""
    if path.is_dir():
        raise FileRefusedError("it is a folder where a file should be: move it out of the way")
    if path.exists() and not path.is_file():
        raise FileRefusedError(
            "it is a pipe or a device, which nobody reads to an end: put a file there"
        )
    try:
        is_packed = path.name.lower().endswith(".gz")
        most = max(LARGE_UNPACKED, path.stat().st_size * MOST_TIMES)
        with gzip.open(path) if is_packed else path.open("rb") as file:
            while chunk := file.read(CHUNK):
                if is_packed and file.tell() > most:
                    raise FileRefusedError(
                        f"it unpacks to more than {MOST_TIMES} times its size, which no table "
                        "does: send it uncompressed"
                    )
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        if str(problem).startswith("Not a gzipped file"):
            raise FileRefusedError("it is not compressed: let its name end in .csv") from problem
        raise FileRefusedError(
            f"it cannot be unpacked ({problem}): it seems to be cut off, or is not a gzip file; "
            "copy it again"
        ) from problem
    except OSError as problem:
        raise FileRefusedError(f"it cannot be opened: {problem.strerror}") from problem


def refuse_other_formats(path: Path, file: LandingFile) -> None:
    """Refuses a file whose first bytes are not those of text, whatever its name says.

    `path` leads to the content: for a compressed file, to its unpacked copy.
    """
    start = next(read_chunks(path), b"")
    is_packed = file.suffix == ".csv.gz"
    what = "what it holds is" if is_packed else "it is"
    or_workbook = ", or let its name end in .xlsx" if file.table.is_workbook else ""
    if start.startswith(ZIP) and _is_excel(path):
        raise FileRefusedError(f"{what} an Excel workbook: save it as CSV{or_workbook}")
    if start.startswith(ZIP):
        raise FileRefusedError(f"{what} a zip archive: unpack it")
    if start.startswith(OLD_EXCEL):
        or_workbook = ", or as .xlsx" if file.table.is_workbook else ""
        raise FileRefusedError(f"{what} an old Excel workbook: save it as CSV{or_workbook}")
    if start.startswith(PARQUET):
        raise FileRefusedError(f"{what} a parquet file: let its name end in .parquet")
    if start.startswith(GZIP):
        raise FileRefusedError(
            "it is compressed twice: unpack it once"
            if is_packed
            else "it is compressed with gzip: let its name end in .csv.gz"
        )


def survey_text(path: Path) -> TextShape:
    """Counts line ends and looks at the encoding, in one pass over the bytes."""
    newlines = crlf = returns = 0
    last = b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    for position, chunk in enumerate(read_chunks(path)):
        if position == 0:
            _refuse_zero_bytes(chunk)
        newlines += chunk.count(b"\n")
        if (returned := chunk.count(b"\r")) or last == b"\r":
            returns += returned
            crlf += chunk.count(b"\r\n") + (last == b"\r" and chunk.startswith(b"\n"))
        if is_utf8 and not (chunk.isascii() and decoder.getstate()[0] == b""):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
        last = chunk[-1:]
    unfinished = int(last not in (b"", b"\n") and not (last == b"\r" and newlines == 0))
    bare = returns - crlf
    lines = newlines + unfinished + (bare if newlines == 0 else 0)
    problem = None if is_utf8 else _name_encoding(path)
    return TextShape(lines, newlines, crlf, bare, problem)


def _is_excel(path: Path) -> bool:
    """Whether an archive holds a workbook; False if it is cut off, since then nobody can tell."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _refuse_zero_bytes(start: bytes) -> None:
    """Refuses a file with many zero bytes: it is cut off, or written in UTF-16.

    In UTF-16 one byte of two is zero, either always the first or always the second.
    """
    start = start[:400]
    fewer = min(start[::2].count(b"\0"), start[1::2].count(b"\0"))
    is_marked = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if fewer * 10 > len(start):
        raise FileRefusedError(
            "it is full of zero bytes, as a file is that was cut off while it was written: "
            "copy or export it again, in UTF-8"
        )
    if is_marked or start.count(b"\0") * 3 > len(start):
        raise FileRefusedError(
            "it is written in UTF-16, not UTF-8: save it as 'CSV UTF-8', "
            "or convert it with iconv -f UTF-16 -t UTF-8"
        )


def _name_encoding(path: Path) -> str | None:
    """Returns Latin-1 or windows-1252 if the file has no well-formed multi-byte character.

    Returns None for a UTF-8 file with stray bytes: only the lines with these are rejected.
    """
    well_formed = re.compile(rb"[\xc3-\xf4][\x80-\xbf]+")
    stray = has_windows_bytes = False
    for chunk in read_chunks(path):
        if chunk.isascii():
            continue
        if well_formed.search(chunk):
            return None
        stray = True
        has_windows_bytes = has_windows_bytes or bool(re.search(rb"[\x80-\x9f]", chunk))
    if not stray:
        return None
    return "windows-1252" if has_windows_bytes else "ISO-8859-1 (Latin-1)"
