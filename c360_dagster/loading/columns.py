"""Compares a file's header with the contract: which declared column is in which place."""

from collections import Counter
from dataclasses import dataclass

from c360_dagster.loading.files import FileRefusedError
from landing_contract import Column, Table

MOST_COLUMNS = 5_000
"""No table is wider, and the reader would run out of memory if it made room for more columns."""
LONGEST_QUOTE = 60
BETWEEN_WORDS = " .-_"
BYTE_ORDER_MARK = "\ufeff"
"""Also found in the middle of a file that was joined from two: it is then part of a cell."""
OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True)
class Layout:
    """Where the file has which of the contract's columns."""

    positions: tuple[Column | None, ...]
    """In the file's order; None for a column that the contract does not have."""
    unknown: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """A name for every position: the contract's, or a made-up one that clashes with none."""
        return tuple(
            column.name if column else f"_unknown_{number}"
            for number, column in enumerate(self.positions)
        )

    @property
    def declared(self) -> tuple[Column, ...]:
        return tuple(column for column in self.positions if column)


@dataclass(frozen=True)
class Plan:
    """How the reader is to read the file's columns."""

    layout: Layout
    times: str | None
    """The format of all its times, or None: then times are read as text."""
    as_text: frozenset[str]


def match_header(header: list[str], table: Table) -> Layout:
    """Finds the declared columns by name, in any order and any spelling that `simplify` allows."""
    declared = {simplify(column.name): column for column in table.columns}
    if len(header) > MOST_COLUMNS:
        raise FileRefusedError(
            f"its first line has {len(header):,} columns: the ends of its lines seem to be lost; "
            "export it again"
        )
    names = [simplify(name) for name in header]
    _refuse_headerless(header, names, declared)
    counts = Counter(names)
    twice = [column.name for name, column in declared.items() if counts[name] > 1]
    if twice:
        raise FileRefusedError(f"its header names {_listed(twice)} twice: keep one of them")
    missing = [column.name for name, column in declared.items() if name not in counts]
    required = [name for name in missing if name in table.required]
    if required:
        raise FileRefusedError(
            f"its header lacks {_listed(required)}, without which {table.name} means nothing: "
            f"add the column{'s' if len(required) > 1 else ''} (found: {_listed(header)})"
        )
    return Layout(
        positions=tuple(declared.get(name) for name in names),
        unknown=tuple(
            _quote_name(name.strip()) or f"(column {place})"
            for place, (name, key) in enumerate(zip(header, names, strict=True), 1)
            if key not in declared
        ),
        missing=tuple(missing),
    )


def simplify(name: str) -> str:
    """Makes one name of `Order-ID`, `orderId` and `order_id`; drops byte-order marks, too."""
    return "".join(letter for letter in _quote_name(name) if letter not in BETWEEN_WORDS).lower()


def simplify_cell(text: str) -> str:
    """The same as SQL, for a cell that may hold its column's name (the header repeated)."""
    return f"translate(lower({text}), '{BETWEEN_WORDS}{BYTE_ORDER_MARK}', '')"


def _refuse_headerless(header: list[str], names: list[str], declared: dict[str, Column]) -> None:
    if any(name in declared for name in names):
        return
    line = ",".join(header)
    if line.lower().startswith("sep="):
        raise FileRefusedError(
            f"its first line is {_quote_name(line)}, which only Excel understands: delete that "
            "line, and separate the columns with commas"
        )
    for delimiter, spoken in OTHER_DELIMITERS.items():
        if any(simplify(part) in declared for part in line.split(delimiter)):
            raise FileRefusedError(
                f"its columns are separated by {spoken}, not commas: save it as CSV with commas"
            )
    if any(letter < " " and letter not in "\t\r\n" for letter in line):
        raise FileRefusedError(
            "its first line holds characters that no text has: it seems not to be CSV; export "
            f"it again (found: {_listed(header[:6])})"
        )
    raise FileRefusedError(
        "its first line names none of the declared columns: put a header there "
        f"(found: {_listed(header[:6])})"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(_quote_name(name) for name in names)


def _quote_name(text: str) -> str:
    """A name for use in a message: without invisible characters, and cut if it is long."""
    shown = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    return shown if len(shown) <= LONGEST_QUOTE else f"{shown[:LONGEST_QUOTE]}…"
