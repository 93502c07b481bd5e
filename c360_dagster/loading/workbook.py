"""Reads Excel workbooks and parquet files as text into `texts`, one row per record.

Excel keeps types by cell, so every cell is read as text and cast by the contract afterwards.
"""

import re
import zipfile
from pathlib import Path

import duckdb
import fastexcel
import polars as pl

from c360_dagster.loading.columns import Layout, match_header, simplify
from c360_dagster.loading.csv_text import LostRowsError, Reading
from c360_dagster.loading.files import FileRefusedError
from c360_dagster.loading.sql import fetch_count, literal, quote
from landing_contract import Table

HEADER_WITHIN = 20
"""Rows from the top in which a header may stand, below a title or a logo."""
CELL = re.compile(rb"<c ([^>/]*)>(.*?)</c>", re.DOTALL)
"""A cell with something in it: its attributes, and what that is."""
HIDDEN = re.compile(rb"""\bstate=["'](?:h|veryH)idden""")
PLACE = rb'\br="([A-Z]+[0-9]+)"'


def read_workbook(con: duckdb.DuckDBPyConnection, path: Path, table: Table) -> Reading:
    """Fills `texts` from the first sheet."""
    try:
        workbook = fastexcel.read_excel(path)
        first, content = _read_first_sheet(path)
        name = workbook.sheet_names[first]
        frame = _read_sheet(workbook, name)
    except (fastexcel.FastExcelError, OSError) as problem:
        raise FileRefusedError(
            "it is no Excel workbook that can be opened: save it as .xlsx again"
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
    _refuse_formulas_without_values(content)
    frame = _put_errors_in(frame, content)
    header = [cell or f"(column {number})" for number, cell in enumerate(frame.row(place), 1)]
    layout = match_header(header, table)
    rows = frame.with_row_index("line", offset=1).slice(place + 1)
    rows = rows.filter(pl.any_horizontal(pl.exclude("line").is_not_null()))
    _register_texts(con, rows, layout)
    return Reading(layout, rows.height)


def read_parquet(con: duckdb.DuckDBPyConnection, path: Path, table: Table) -> Reading:
    """Fills `texts` from a parquet file; its own metadata says how many rows there are."""
    try:
        header = [row[0] for row in con.execute(f"describe {_parquet(path)}").fetchall()]
        records = fetch_count(
            con, f"select sum(num_rows) from parquet_file_metadata({literal(str(path))})"
        )
    except duckdb.Error as problem:
        raise FileRefusedError(
            "it is no parquet file that can be read: write it again"
        ) from problem
    layout = match_header([name for name in header if name != "file_row_number"], table)
    actual = {simplify(name): name for name in header}
    cells = ", ".join(
        f"cast({quote(actual[column.name.lower()])} as varchar) as {quote(column.name)}"
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
        raise FileRefusedError("its pages are damaged: write or copy it again") from problem
    found = fetch_count(con, "select count(*) from texts")
    if found != records:
        raise LostRowsError(f"{records} rows were counted and {found} were read")
    return Reading(layout, records)


def _parquet(path: Path) -> str:
    options = "file_row_number = true, hive_partitioning = false"
    return f"select * from read_parquet({literal(str(path))}, {options})"


def _read_sheet(workbook: fastexcel.ExcelReader, name: str) -> pl.DataFrame:
    """From the first row on, empty ones included, so that rows are counted as Excel does."""
    return workbook.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_polars()


def _has_header(workbook: fastexcel.ExcelReader, name: str, table: Table) -> bool:
    return _find_header(_read_sheet(workbook, name), table) is not None


def _find_header(frame: pl.DataFrame, table: Table) -> int | None:
    """The first row that names all required columns, or more than half of the declared ones."""
    required = {name.lower() for name in table.required}
    declared = {name.lower() for name in table.column_names}
    for number, row in enumerate(frame.head(HEADER_WITHIN).iter_rows()):
        named = {simplify(str(cell)) for cell in row if cell is not None}
        if required <= named or len(named & declared) * 2 > len(declared):
            return number
    return None


def _read_first_sheet(path: Path) -> tuple[int, bytes]:
    """Place and XML of the first sheet that is not hidden, as programs hide lists before it.

    Which part of the file that is, the workbook says and not the part's name.
    """
    with zipfile.ZipFile(path) as archive:
        parts = set(archive.namelist())
        sheets = re.findall(rb"<(?:\w+:)?sheet [^>]*>", archive.read("xl/workbook.xml"))
        shown = (number for number, sheet in enumerate(sheets) if not HIDDEN.search(sheet))
        first = next(shown, 0)
        book = _search(rb'\br:id="([^"]+)"', b"".join(sheets[first : first + 1]))
        links = archive.read("xl/_rels/workbook.xml.rels")
        for link in re.findall(rb"<(?:\w+:)?Relationship [^>]*>", links):
            if _search(rb'\bId="([^"]+)"', link) == book:
                target = _search(rb'\bTarget="/?(?:xl/)?([^"]+)"', link)
                return first, archive.read(f"xl/{target}") if f"xl/{target}" in parts else b""
    return first, b""


def _search(pattern: bytes, content: bytes) -> str | None:
    found = re.search(pattern, content)
    return found.group(1).decode() if found else None


def _refuse_formulas_without_values(content: bytes) -> None:
    """A formula that no spreadsheet program has worked out yet would load as an empty cell."""
    if b"<f" not in content:
        return
    for attributes, inner in CELL.findall(content):
        is_empty_text = b't="str"' in attributes
        if b"<f" in inner and not re.search(rb"<v>[^<]", inner) and not is_empty_text:
            raise FileRefusedError(
                f"the formula in cell {_search(PLACE, attributes) or '?'} has no value "
                "yet: open the workbook, save it, and its values are stored"
            )


def _put_errors_in(frame: pl.DataFrame, content: bytes) -> pl.DataFrame:
    """#DIV/0! and its like as texts, which no number is; the reader takes them for empty cells."""
    if b't="e"' not in content:
        return frame
    cells = [(_search(PLACE, cell) or "", cell, inner) for cell, inner in CELL.findall(content)]
    used = [_number(place) for place, _, inner in cells if b"<v>" in inner or b"<is>" in inner]
    first = min(column for column, _ in used)
    columns = [frame[name].to_list() for name in frame.columns]
    for place, attributes, inner in cells:
        if b't="e"' in attributes:
            column, row = _number(place)
            columns[column - first][row - 1] = _search(rb"<v>([^<]*)", inner)
    return pl.DataFrame(dict(zip(frame.columns, columns, strict=True)), schema=frame.schema)


def _number(place: str) -> tuple[int, int]:
    """Column and row of a cell such as AB12, from one."""
    letters = place.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column, int(place[len(letters) :])


def _read_serial(name: str) -> pl.Expr:
    """A date whose cell lost its format is the number of days since the end of 1899."""
    is_serial = pl.col(name).str.contains(r"^[2-7]\d{4}([.]\d+)?$")
    days = pl.col(name).str.extract(r"^([2-7]\d{4}(?:[.]\d+)?)$").cast(pl.Float64)
    moment = pl.datetime(1899, 12, 30) + pl.duration(milliseconds=(days * 86_400_000).round())
    text = moment.dt.round("1s").dt.strftime("%Y-%m-%d %H:%M:%S")
    return pl.when(is_serial).then(text).otherwise(pl.col(name)).alias(name)


def _register_texts(con: duckdb.DuckDBPyConnection, rows: pl.DataFrame, layout: Layout) -> None:
    cells = [name for name in rows.columns if name != "line"]
    renamed = dict(zip(cells, layout.names, strict=True))
    frame = rows.with_columns(
        pl.concat_str(cells, separator=",", ignore_nulls=True).alias("_raw")
    ).rename(renamed)
    frame = frame.with_columns(
        _read_serial(column.name)
        for column in layout.declared
        if column.type in {"date", "timestamp"}
    )
    con.register("sheet", frame)
    names = ", ".join(quote(column.name) for column in layout.declared)
    con.execute(
        "create or replace temporary table texts as select row_number() over (order by line) "
        f"as record, line, _raw as raw, {names} from sheet"
    )
