"""The contract of the landing files, read from dbt's sources: tables, columns, types, keys.

Only dbt_c360/models/sources says what a table holds, and only this module reads it.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

# The loader in C, if PyYAML was built with it, is ten times as fast as the one in Python.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PROJECT = Path(__file__).parent / "dbt_c360"
SOURCES = PROJECT / "models" / "sources"
DOC = re.compile(r"\{\{\s*doc\('(\w+)'\)\s*\}\}")
BLOCK = re.compile(r"\{%\s*docs (\w+)\s*%\}\s*(.*?)\s*\{%\s*enddocs\s*%\}", re.DOTALL)
"""DOC finds where a description names a shared text, BLOCK the text itself."""
INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Invisible characters: terminals obey some, and some reverse the text that follows them."""
PROVENANCE = {
    "_file": "varchar",
    "_row": "bigint",
    "_known_at": "date",
    "_loaded_at": "timestamp",
    "_run_id": "varchar",
}
"""Columns that bronze adds to the contract's: where a row comes from and since when it is known."""


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    description: str
    is_pii: bool = False
    format: str | None = None
    """`duration` means a number of seconds that may also be written as `12 min` or `340 s`."""


@dataclass(frozen=True)
class Table:
    name: str
    folder: str
    file_stem: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    event_time: str | None
    essential: frozenset[str]
    """A row is rejected if one of these cells is unreadable: key, event time, amounts and such."""
    required: frozenset[str]
    """A file without these columns is refused: the essential ones and a few more that are named."""

    is_optional: bool = False
    """Most retailers do without this table, so its absence causes no warning."""

    @property
    def is_workbook(self) -> bool:
        return self.folder == "workbooks"

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@cache
def read_contract() -> dict[str, Table]:
    """Returns every landing table by name, in the order of the source files."""
    return {
        declared["name"]: _table(declared)
        for source in read_sources(SOURCES)
        for declared in source["tables"]
    }


def read_sources(folder: Path) -> Iterator[dict[str, Any]]:
    """Yields the sources that the yml files of a folder declare, file by file."""
    for path in sorted(folder.glob("*.yml")):
        yield from yaml.load(path.read_text("utf-8"), LOADER)["sources"]  # noqa: S506  it is safe


def _table(declared: dict) -> Table:
    meta = declared["config"]["meta"]
    event_time = meta.get("event_time")
    essential = {*meta["key"], *meta.get("essential", ())} | ({event_time} if event_time else set())
    return Table(
        name=declared["name"],
        folder=meta["folder"],
        file_stem=meta.get("file", declared["name"]),
        description=declared["description"],
        columns=tuple(read_column(column) for column in declared["columns"]),
        key=tuple(meta["key"]),
        event_time=event_time,
        essential=frozenset(essential),
        required=frozenset(essential | set(meta.get("required", ()))),
        is_optional=meta.get("optional", False),
    )


@cache
def read_docs() -> dict[str, str]:
    """Returns the shared texts by name, which descriptions insert with dbt's `doc()`."""
    paths = sorted((PROJECT / "docs").glob("*.md"))
    return dict(block for path in paths for block in BLOCK.findall(path.read_text("utf-8")))


def read_column(declared: dict) -> Column:
    meta = declared.get("config", {}).get("meta", {})
    return Column(
        name=declared["name"],
        type=declared["data_type"],
        description=DOC.sub(lambda named: read_docs()[named[1]], declared["description"]),
        is_pii=meta.get("pii", False),
        format=meta.get("format"),
    )


def show_name(name: str) -> str:
    """Returns a file's name with a replacement mark for invalid UTF-8 and invisible characters.

    Archives from other systems leave such names, which neither databases nor logs accept.
    """
    return INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", os.fsencode(name).decode("utf-8", "replace"))
