"""Reads Excel workbooks and parquet files as text into `texts`, one row per record.

Excel keeps a type for each cell, so every cell is read as text and cast by the contract afterwards.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from string import ascii_uppercase
from xml.etree import ElementTree as ET

import duckdb
import fastexcel
import polars as pl

from c360_dagster.loading.columns import Layout, match_header, simplify
from c360_dagster.loading.csv_text import LostRowsError, Reading
from c360_dagster.loading.files import FileRefusedError
from c360_dagster.resources.storage import is_disk_full
from c360_dagster.sql import fetch_count, literal, quote
from landing_contract import Column, Table

HEADER_WITHIN = 20
"""The header must be in the first so many rows; a title or a logo may stand above it."""
FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
ERROR = re.compile(rb"""\bt=["']e["']""")
FAR = re.compile(rb"""r=["']([A-Z]{2,}[0-9]+|[A-Z][0-9]{7,})["'][^>]*(?<!/)>""")
"""A non-empty cell beyond column Z or row 999 999; few tables have one."""
ROW = re.compile(rb"""<(?:\w+:)?row [^>]*?\br=["']([0-9]+)["']""")
LETTERS = 26
DAY_ZERO = date(1899, 12, 30)
DAY_ZERO_OF_OLD_MACS = date(1904, 1, 1)
"""Excel counts days from one of these; a workbook that began on an old Mac keeps the second."""
MOST_CELLS = 50_000_000
"""The limit of cells: the sheet reader needs 32 bytes for each cell up to the farthest, used or
not."""
MOST_BYTES = 1 << 30
"""The limit of unpacked XML; a million rows of one of these tables take half of it."""
DAMAGED = (
    fastexcel.FastExcelError,
    zipfile.BadZipFile,
    zlib.error,
    ET.ParseError,
    OSError,
    LookupError,
    ValueError,
    RuntimeError,
)
"""What Python and the sheet reader raise for a file whose inside does not follow the format."""


@dataclass(frozen=True)
class FirstSheet:
    """The first sheet that is not hidden, as its XML, and what the workbook says of its days."""

    place: int
    content: bytes
    day_zero: date


@dataclass(frozen=True)
class OddCell:
    """A cell that the sheet reader takes for empty although it is not."""

    column: int
    """Counted from the first column in use, as the reader counts."""
    row: int
    place: str
    error: str | None
    """None if the cell is a formula that no program has computed yet."""


def read_workbook(con: duckdb.DuckDBPyConnection, path: Path, table: Table) -> Reading:
    """Fills `texts` from the first sheet."""
    try:
        workbook = fastexcel.read_excel(path)
        first = _read_first_sheet(path)
        name = workbook.sheet_names[first.place]
        _refuse_far_cells(first.content)
        odd = _find_odd_cells(first.content)
        frame = _put_errors_in(_read_sheet(workbook, name), odd)
    except DAMAGED as problem:
        raise FileRefusedError(
            "it is not an Excel workbook that can be opened: save it as .xlsx again"
        ) from problem
    place = _find_header(frame, table)
    if place is None:
        others = (other for other in workbook.sheet_names if other != name)
        found = next((o for o in others if _has_header(workbook, o, table)), None)
        where = f"; sheet '{found}' has them: move it to the front" if found else ""
        raise FileRefusedError(
            f"its first sheet '{name}' has no row with the columns {', '.join(table.column_names)}"
            f"{where}"
        )
    _refuse_formulas_without_values(odd)
    header = [cell or f"(column {number})" for number, cell in enumerate(frame.row(place), 1)]
    layout = match_header(header, table)
    rows = frame.with_row_index("line", offset=1).slice(place + 1)
    rows = rows.filter(pl.any_horizontal(pl.exclude("line").is_not_null()))
    _register_texts(con, rows, layout, first.day_zero)
    return Reading(layout, rows.height, errors=frozenset(c.error for c in odd if c.error))


def read_parquet(con: duckdb.DuckDBPyConnection, path: Path, table: Table) -> Reading:
    """Fills `texts` from a parquet file and compares the number of rows with its metadata."""
    try:
        described = con.execute(f"describe {_parquet(path)}").fetchall()
        records = fetch_count(
            con, f"select sum(num_rows) from parquet_file_metadata({literal(str(path))})"
        )
    except duckdb.Error as problem:
        raise FileRefusedError(
            "it is not a parquet file that can be read: write it again"
        ) from problem
    kinds = {name: kind for name, kind, *_ in described}
    layout = match_header([name for name in kinds if name != "file_row_number"], table)
    actual = {simplify(name): name for name in kinds}
    cells = ", ".join(
        _select_as_text(column, name := actual[simplify(column.name)], kinds[name])
        for column in layout.declared
    )
    names = ", ".join(quote(column.name) for column in layout.declared)
    try:
        con.execute(
            f"create or replace temporary table texts as select file_row_number + 1 as record, "
            f"file_row_number + 1 as line, concat_ws(',', {names}) as raw, {names} "
            f"from (select file_row_number, {cells} from ({_parquet(path)}))"
        )
    except duckdb.Error as problem:
        if isinstance(problem, duckdb.OutOfMemoryException) or is_disk_full(str(problem)):
            raise  # the file may be sound: there is no room here to read it
        if "UTF8" in str(problem):
            raise FileRefusedError(
                "a text in it is not written in UTF-8: write it again"
            ) from problem
        raise FileRefusedError("its pages are damaged: write or copy it again") from problem
    found = fetch_count(con, "select count(*) from texts")
    if found != records:
        raise LostRowsError(f"{records} rows were counted and {found} were read")
    return Reading(layout, records)


def _parquet(path: Path) -> str:
    # Older programs do not mark text columns as text; read as bytes, é would become \\xC3\\xA9.
    options = "file_row_number = true, hive_partitioning = false, binary_as_string = true"
    return f"select * from read_parquet({literal(str(path))}, {options})"


def _select_as_text(column: Column, name: str, kind: str) -> str:
    """SQL for the column as text.

    Drops the `.0` of ids stored as numbers: a column with missing ids holds 12346.0 for 12346.
    """
    text = f"cast({quote(name)} as varchar)"
    if column.type == "varchar" and kind in {"FLOAT", "DOUBLE"}:
        text = f"regexp_replace({text}, '[.]0$', '')"
    return f"{text} as {quote(column.name)}"


def _read_sheet(workbook: fastexcel.ExcelReader, name: str) -> pl.DataFrame:
    """Reads all rows from the first on, also empty ones, so that rows are counted as in Excel."""
    return workbook.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_polars()


def _has_header(workbook: fastexcel.ExcelReader, name: str, table: Table) -> bool:
    return _find_header(_read_sheet(workbook, name), table) is not None


def _find_header(frame: pl.DataFrame, table: Table) -> int | None:
    """Returns the place of the first row that names all required columns or most declared ones."""
    required = {simplify(name) for name in table.required}
    declared = {simplify(name) for name in table.column_names}
    for number, row in enumerate(frame.head(HEADER_WITHIN).iter_rows()):
        named = {simplify(str(cell)) for cell in row if cell is not None}
        if required <= named or len(named & declared) * 2 > len(declared):
            return number
    return None


def _read_first_sheet(path: Path) -> FirstSheet:
    """Finds the first sheet that is not hidden.

    Some programs put hidden sheets with lists before it. Which part of the file belongs to the
    sheet is written in the workbook; the part's name does not tell.
    """
    with zipfile.ZipFile(path) as archive:
        if sum(part.file_size for part in archive.infolist()) > MOST_BYTES:
            raise FileRefusedError("it unpacks to more than a gigabyte: save it as CSV")
        parts = set(archive.namelist())
        elements = list(_read_xml(archive.read("xl/workbook.xml")))
        sheets = [each for name, each in elements if name == "sheet"]
        settings = (each for name, each in elements if name == "workbookPr")
        old_mac = any(each.get("date1904") in {"1", "true"} for each in settings)
        shown = (n for n, sheet in enumerate(sheets) if "idden" not in sheet.get("state", ""))
        first = next(shown, 0)
        names = sheets[first].items() if sheets else []
        link = next((value for name, value in names if name.endswith("}id")), None)
        links = _read_xml(archive.read("xl/_rels/workbook.xml.rels"))
        targets = (each.get("Target", "") for _, each in links if each.get("Id") == link)
        part = "xl/" + next(targets, "").removeprefix("/").removeprefix("xl/")
        return FirstSheet(
            first,
            archive.read(part) if part in parts else b"",
            DAY_ZERO_OF_OLD_MACS if old_mac else DAY_ZERO,
        )


def _refuse_far_cells(content: bytes) -> None:
    """Refuses a sheet if a cell far from the table, filled by accident, would take all memory."""
    far = [place.decode() for place in FAR.findall(content)]
    if not far:
        return
    place = max(far, key=_column_number)
    rows = max(int(row) for row in (*ROW.findall(content), *(_row_number(place) for place in far)))
    if rows * _column_number(place) > MOST_CELLS:
        raise FileRefusedError(
            f"there is something in cell {place}, far from the table, which makes the sheet too "
            "large to be read: delete the columns and rows beyond the table, and save it again"
        )


def _find_odd_cells(content: bytes) -> list[OddCell]:
    """Returns error values, and formulas that no spreadsheet program has computed yet."""
    if not (ERROR.search(content) or FORMULA.search(content)):
        return []
    found, first, row = [], 0, 0
    for name, element in _read_xml(content):
        if name != "row":
            continue
        row, column = int(element.get("r", row + 1)), 0
        for cell in element:
            # Some programs do not say where a cell is; it then follows the one before.
            column = _column_number(place) if (place := cell.get("r")) else column + 1
            parts = {_local(part): part.text for part in cell}
            kind = cell.get("t")
            if "v" in parts or "is" in parts:
                first = min(first or column, column)
            if kind == "e" and parts.get("v"):
                found.append(OddCell(column, row, place or "?", parts["v"]))
            elif kind != "str" and "f" in parts and not parts.get("v"):
                found.append(OddCell(column, row, place or "?", None))
        element.clear()
    return [replace(cell, column=cell.column - first) for cell in found]


def _read_xml(content: bytes) -> Iterator[tuple[str, ET.Element]]:
    """Yields each element when it ends, with its name without the namespace."""
    # S314 warns of entities that expand without end; Python's parser refuses these by itself.
    for _, element in ET.iterparse(io.BytesIO(content)):  # noqa: S314
        yield _local(element), element


def _local(element: ET.Element) -> str:
    """The element's name without its namespace, because some programs write `x:row` for `row`."""
    return element.tag.rpartition("}")[2]


def _refuse_formulas_without_values(odd: list[OddCell]) -> None:
    """Refuses a workbook with such a formula, because its cell would load as empty."""
    for cell in odd:
        if cell.error is None:
            raise FileRefusedError(
                f"the formula in cell {cell.place} has no value "
                "yet: open the workbook, save it, and its values are stored"
            )


def _put_errors_in(frame: pl.DataFrame, odd: list[OddCell]) -> pl.DataFrame:
    """Puts error values such as #DIV/0! into the frame as text.

    Leaves formulas without a value out, because their cells may lie outside the frame.
    """
    errors = [cell for cell in odd if cell.error]
    if not errors:
        return frame
    columns = [frame[name].to_list() for name in frame.columns]
    for cell in errors:
        columns[cell.column][cell.row - 1] = cell.error
    return pl.DataFrame(dict(zip(frame.columns, columns, strict=True)), schema=frame.schema)


def _column_number(place: str) -> int:
    """The column of a cell such as AB12, from one."""
    column = 0
    for letter in place.rstrip("0123456789"):
        column = column * LETTERS + ord(letter) - ord("A") + 1
    return column


def _row_number(place: str) -> str:
    return place.lstrip(ascii_uppercase)


def _read_serial(name: str, day_zero: date) -> pl.Expr:
    """Turns a number of days since `day_zero` into a time: a date without its cell format."""
    is_serial = pl.col(name).str.contains(r"^[2-7]\d{4}([.]\d+)?$")
    days = pl.col(name).str.extract(r"^([2-7]\d{4}(?:[.]\d+)?)$").cast(pl.Float64)
    since = pl.duration(milliseconds=(days * 86_400_000).round())
    moment = pl.lit(day_zero).cast(pl.Datetime) + since
    text = moment.dt.round("1s").dt.strftime("%Y-%m-%d %H:%M:%S")
    return pl.when(is_serial).then(text).otherwise(pl.col(name)).alias(name)


def _register_texts(
    con: duckdb.DuckDBPyConnection, rows: pl.DataFrame, layout: Layout, day_zero: date
) -> None:
    cells = [name for name in rows.columns if name != "line"]
    renamed = dict(zip(cells, layout.names, strict=True))
    frame = rows.with_columns(
        pl.concat_str(cells, separator=",", ignore_nulls=True).alias("_raw")
    ).rename(renamed)
    frame = frame.with_columns(
        _read_serial(column.name, day_zero)
        for column in layout.declared
        if column.type in {"date", "timestamp"}
    )
    con.register("sheet", frame)
    names = ", ".join(quote(column.name) for column in layout.declared)
    con.execute(
        "create or replace temporary table texts as select row_number() over (order by line) "
        f"as record, line, _raw as raw, {names} from sheet"
    )
