"""Decides what the next publication takes over from the last one, by a note about the last one.

The note is in the generations' folder. It says what each table was made of and by which run, how
many rows it has, and what its file and the snapshot look like. Nothing in doubt is taken over.
"""

import contextlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from c360_dagster.building.marks import MADE_OF, read_comments
from c360_dagster.building.unpublished import Keys, find_changed
from c360_dagster.layers import GOLD
from c360_dagster.sql import fetch_count

NOTE = "last.json"
FEW = 0.25
"""A share of a table's rows. If more of them have changed, the table is written whole."""
WORTH_A_COPY = 0.5
"""A share of all rows. If fewer can be taken over, everything is written."""
MOST_GROWTH = 2
"""Replaced rows leave holes in the file. If it has become more than this many times as large as
when it was written whole, everything is written."""


@dataclass(frozen=True)
class TakenOver:
    """What the next publication takes over: by default nothing."""

    generation: Path = Path()
    rows: Mapping[str, int] = field(default_factory=dict)
    """The numbers of rows of the tables that are unchanged."""
    changed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """For tables with few changed rows: the columns of their key, and the query for the keys."""
    bytes_written_whole: int = 0
    """The size of the snapshot when it was last written whole."""

    def __bool__(self) -> bool:
        return bool(self.rows or self.changed)


@dataclass(frozen=True)
class LastPublication:
    """The last publication, if there is one."""

    generations: Path
    snapshot: Path

    def find_unchanged(
        self, con: duckdb.DuckDBPyConnection, tables: Collection[str], keys: Keys
    ) -> TakenOver:
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            return self._find(con, tables, keys)
        return TakenOver()

    def _find(
        self, con: duckdb.DuckDBPyConnection, tables: Collection[str], keys: Keys
    ) -> TakenOver:
        note = json.loads((self.generations / NOTE).read_text("utf-8"))
        size = note["bytes_written_whole"]
        if note["snapshot"] != _identify_file(self.snapshot):  # somebody has written to it
            return TakenOver()
        if self.snapshot.stat().st_size > MOST_GROWTH * size:
            return TakenOver()
        generation = self.generations / note["generation"]
        marks = _read_marks(con)
        made_of = {name: mark for name, (mark, _) in note["tables"].items()}
        counts = {name: count for name, (_, count) in note["tables"].items()}
        there = {
            name
            for name, file in note["files"].items()
            if name in tables and file == _identify_file(generation / f"{name}.parquet")
        }
        rows = {name: counts[name] for name in there if made_of[name] == marks.get(name, "")}
        changed = {}
        for name, query in find_changed(con, keys, note["generation"]).items():
            if name in there - rows.keys():
                count = fetch_count(con, f"select count(*) from ({query})")
                if not count:
                    rows[name] = counts[name]
                elif count <= FEW * counts[name]:
                    changed[name] = keys[name], query
        if sum(counts[name] for name in (*rows, *changed)) < WORTH_A_COPY * sum(counts.values()):
            return TakenOver()
        return TakenOver(generation, rows, changed, size)

    def write_note(
        self,
        con: duckdb.DuckDBPyConnection,
        generation: str,
        snapshot: Path,
        rows: Mapping[str, int],
        taken: TakenOver,
    ) -> None:
        """Writes the note about the publication that is about to replace this one."""
        marks = _read_marks(con)
        note = {
            "generation": generation,
            "snapshot": _identify_file(snapshot),
            "bytes_written_whole": taken.bytes_written_whole or snapshot.stat().st_size,
            "files": {
                name: _identify_file(self.generations / generation / f"{name}.parquet")
                for name in rows
            },
            "tables": {name: (marks.get(name), count) for name, count in rows.items()},
        }
        (self.generations / NOTE).write_text(json.dumps(note), "utf-8")


def _read_marks(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Returns what each table of gold was made of, and by which run.

    The run counts, because a table made of the same may differ after rows were changed by hand.
    """
    prefix = f"{GOLD.name}."
    return {
        name.removeprefix(prefix): comment
        for name, comment in read_comments(con).items()
        if comment and comment.startswith(MADE_OF)
    }


def _identify_file(path: Path) -> list[int] | None:
    """Returns what changes if somebody writes to the file; None if there is no file."""
    if not path.exists():
        return None
    stat = path.stat()
    return [stat.st_ino, stat.st_size, stat.st_mtime_ns]
