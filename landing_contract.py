"""The contract of the landing files, read from dbt's sources: tables, columns, types, keys.

What a table holds is written in dbt_c360/models/sources and nowhere else; this is its only reader.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

# Ten times as quick as the one in Python, where PyYAML was built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PROJECT = Path(__file__).parent / "dbt_c360"
SOURCES = PROJECT / "models" / "sources"
DOC = re.compile(r"\{\{\s*doc\('(\w+)'\)\s*\}\}")
BLOCK = re.compile(r"\{%\s*docs (\w+)\s*%\}\s*(.*?)\s*\{%\s*enddocs\s*%\}", re.DOTALL)
"""A description that is said once, where it is named and where it stands."""
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What no screen shows: terminals obey some of it, and some turns round what stands behind it."""
PROVENANCE = {
    "_file": "varchar",
    "_row": "bigint",
    "_known_at": "date",
    "_loaded_at": "timestamp",
    "_run_id": "varchar",
}
"""What bronze adds to the contract's columns: where a row comes from, since when it is known."""


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    description: str
    is_pii: bool = False
    format: str | None = None
    """`duration`: seconds, which may be written as `12 min` or `340 s`."""


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
    """Columns whose unreadable cells reject the row: key, event time, amounts, quantities."""
    required: frozenset[str]
    """Columns without which a file is refused: the essential ones and a few named ones."""

    is_optional: bool = False
    """A table that most retailers do without; its absence is no warning."""

    @property
    def is_workbook(self) -> bool:
        return self.folder == "workbooks"

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@cache
def read_contract() -> dict[str, Table]:
    """Every landing table by name, in the order of the source files."""
    return {
        declared["name"]: _table(declared)
        for source in read_sources(SOURCES)
        for declared in source["tables"]
    }


def read_sources(folder: Path) -> Iterator[dict[str, Any]]:
    """The sources that a folder of dbt's yml declares, file by file."""
    for path in sorted(folder.glob("*.yml")):
        yield from yaml.load(path.read_text("utf-8"), LOADER)["sources"]  # noqa: S506  a safe one


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
    """The texts that descriptions name, as dbt would put them there."""
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
    """A file's name with a mark for each byte that is no letter in UTF-8, or steers a screen.

    Archives of other systems leave such names, and neither databases nor logs take them.
    """
    return UNSEEN.sub("\N{REPLACEMENT CHARACTER}", os.fsencode(name).decode("utf-8", "replace"))
