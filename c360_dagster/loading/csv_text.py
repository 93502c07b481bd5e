"""Reads a CSV file into temporary tables: good rows into `staged`, other records into `doubtful`.

DuckDB's reader does the work. doubtful.py handles what the reader rejects; repair.py steps in if
the reader's records and the file's lines disagree.
"""

import contextlib
import csv
import io
import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

import duckdb

from c360_dagster.loading import casting
from c360_dagster.loading.columns import Layout, Plan, match_header
from c360_dagster.loading.content import TextShape
from c360_dagster.loading.doubtful import (
    Fetch,
    collect_rejected,
    collect_repaired,
    complete_cut_records,
    fill_texts,
    mark_broken,
    move_unsound_rows,
)
from c360_dagster.loading.files import FileRefusedError
from c360_dagster.loading.lines import Lines
from c360_dagster.loading.repair import LONGEST_LINE, Found, repair_text
from c360_dagster.sql import fetch_count, literal, quote
from landing_contract import Column, Table

HEADER_BYTES, LINES_OF_HEADER = 1 << 20, 20
"""How many bytes and lines of a file are searched for the end of its header, whose names may
contain line breaks. A header with more lines has a quote that was left open by mistake."""
MANY_REJECTS = 50_000
"""With more rejects than this, the reader's way of storing them would be the slowest and largest
part of the load."""
REJECT_COLUMNS = (
    "line ubigint, line_byte_position ubigint, error_type text, csv_line text, error_message text"
)
"""The columns that the reader stores for each reject."""
SAMPLE = 50
"""How many lines are read to find out how a file writes its times."""
TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f",
)


@dataclass(frozen=True)
class Reading:
    layout: Layout
    records: int
    """Records in the file, counted from its bytes and not from what was loaded."""
    as_text: frozenset[str] = frozenset()
    """Columns that `staged` holds as text, because of how the file writes them."""
    rounded: int = 0
    """Cells in `staged` that have more decimals than the contract."""
    errors: frozenset[str] = frozenset()
    """Error values of formulas in a workbook (#DIV/0!): unreadable even in a text column."""
    is_staged: bool = False
    """Whether `staged`, `doubtful` and `shifts` exist."""
    has_texts: bool = True
    """Whether `texts` exists."""


class LostRowsError(Exception):
    """Raised if records are neither loaded nor rejected; the load is undone."""


def read_text(
    con: duckdb.DuckDBPyConnection, path: Path, shape: TextShape, table: Table, scratch: Path
) -> Reading:
    """Fills `staged`, `doubtful`, `shifts` and, if doubtful records can be read again, `texts`."""
    header = _read_header(path)
    layout = match_header(header, table)
    records = shape.lines - 1
    is_plain = not shape.bare_cr and shape.crlf in (0, shape.newlines)
    plan = _plan(layout, _find_time_format(path, layout))
    seen = _read_records(con, path, plan, records, MANY_REJECTS) if is_plain else None
    if seen == records:
        fetch: Fetch = partial(_fetch_lines, path)
        collect_rejected(con, "select *, line - 1 as record, line as file_line from reject_errors")
        move_unsound_rows(con, fetch, table, plan, header)
    else:
        if seen is None and is_plain:
            plan = _plan(layout, None)  # the times may look otherwise than in the first lines
        repaired = repair_text(path, scratch / "repaired.csv", len(header))
        records, fetch = repaired.records, repaired.fetch
        seen = _read_records(con, repaired.path, plan, records)
        if seen != records:
            raise LostRowsError(f"{records} records were counted and {seen} were read")
        collect_repaired(con, repaired)
        move_unsound_rows(con, fetch, table, plan, header)
        mark_broken(con, repaired)
    complete_cut_records(con, fetch)
    has_texts = fill_texts(con, layout, scratch / "second_look.csv")
    rounded = _count_rounded(con, layout)
    return Reading(layout, records, plan.as_text, rounded, is_staged=True, has_texts=has_texts)


def _read_header(path: Path) -> list[str]:
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    text = start.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").lstrip("\r\n")
    if not text:
        raise FileRefusedError(
            "it is empty, without even a header: the export seems to have failed"
        )
    lines = csv.reader(io.StringIO(text, newline=None))
    header = next(lines)
    # A quote that does not close takes in everything up to the end or to another quote in the rows.
    taken = text.splitlines()[: lines.line_num]
    if sum(line.count('"') for line in taken) % 2 or len(taken) > LINES_OF_HEADER:
        raise FileRefusedError("a quote in its header opens and does not close: close it")
    return header


def _read_records(
    con: duckdb.DuckDBPyConnection, path: Path, plan: Plan, expected: int, most: float = math.inf
) -> int | None:
    """Stages the records that read well, and returns how many records the reader saw.

    Returns None if more than `most` do not read well. With very many rejects, DuckDB 2.0 loses
    some of the file's end when it reads in parallel, so if the count is not the expected one, the
    file is read once more without parallel reading.
    """
    seen = _stage(con, path, plan, "ignore_errors = true")
    if seen == expected:
        con.execute(f"create temporary table reject_errors ({REJECT_COLUMNS})")
        return seen
    if expected - seen > most:
        return None
    for is_parallel in ("true", "false"):
        options = f"store_rejects = true, rejects_limit = 0, parallel = {is_parallel}"
        staged = _stage(con, path, plan, options)
        seen = staged + fetch_count(
            con, "select count(distinct line_byte_position) from reject_errors"
        )
        if seen in (expected, staged):
            break
    return seen


def _stage(con: duckdb.DuckDBPyConnection, path: Path, plan: Plan, options: str) -> int:
    con.execute("drop table if exists staged; drop table if exists reject_errors")
    con.execute("drop table if exists reject_scans")
    types = ", ".join(
        f"{literal(name)}: {literal(_reader_type(column, plan))}"
        for name, column in zip(plan.layout.names, plan.layout.positions, strict=True)
    )
    columns = ", ".join(quote(column.name) for column in plan.layout.declared)
    con.execute(
        f"""
        create temporary table staged as
        select {columns}
        from read_csv(
            {literal(str(path))}, columns = {{{types}}}, header = true, auto_detect = false,
            delim = ',', quote = '"', escape = '"',
            timestampformat = {literal(plan.times or TIME_FORMATS[0])},
            hive_partitioning = false, {options}
        )
        """
    )
    return fetch_count(con, "select count(*) from staged")


def _reader_type(column: Column | None, plan: Plan) -> str:
    return casting.reader_type(column, as_text=column.name in plan.as_text) if column else "varchar"


def _plan(layout: Layout, times: str | None) -> Plan:
    """Plans to read as text what fits no type of the reader: durations and times in odd formats."""
    as_text = frozenset(
        column.name
        for column in layout.declared
        if column.format or (column.type == "timestamp" and times is None)
    )
    return Plan(layout, times, as_text)


def _find_time_format(path: Path, layout: Layout) -> str | None:
    """Returns the format of all times in the first records; None if they have no common one.

    A record that writes its times in another format is read a second time.
    """
    places = [
        place
        for place, column in enumerate(layout.positions)
        if column and column.type == "timestamp"
    ]
    numbered = islice(Lines(path), SAMPLE)
    lines = (line.decode("utf-8", "replace") for _, line in numbered if len(line) <= LONGEST_LINE)
    found = {
        next((known for known in TIME_FORMATS if _has_format(row[place].strip(), known)), None)
        for row in islice(csv.reader(lines), 1, None)
        for place in places
        if place < len(row) and row[place].strip()
    }
    if not found:
        return TIME_FORMATS[0]
    return found.pop() if len(found) == 1 else None


def _has_format(text: str, form: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(datetime.strptime(text, form))
    return False


def _count_rounded(con: duckdb.DuckDBPyConnection, layout: Layout) -> int:
    conditions = [casting.is_rounded(column) for column in layout.declared]
    counts = [f"count(*) filter ({condition})" for condition in conditions if condition]
    return fetch_count(con, f"select {' + '.join(counts)} from staged") if counts else 0


def _fetch_lines(path: Path, wanted: Sequence[int]) -> Iterator[Found]:
    """Yields the wanted records of a file in which each line is a record, despite its quotes."""
    lines, first = Lines(path), 0  # the header is record 0
    while (run := lines.take_block()) is not None:
        last = first + len(run.texts)
        for each in wanted[bisect_left(wanted, first) : bisect_left(wanted, last)]:
            text = run.texts[each - first].decode("utf-8", "replace")
            yield each, run.numbers[each - first], text
        first = last
