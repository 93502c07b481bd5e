"""Writes an Excel file of one sheet, with the cells' XML made by column (ECMA-376, part 1).

Libraries take one cell after another, which costs ten times as much.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import ascii_uppercase
from typing import IO
from xml.sax.saxutils import quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import polars as pl

_WRITTEN = (2020, 1, 1, 0, 0, 0)
"""A fixed time of writing, so that the same rows give the same bytes."""
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "application/vnd.openxmlformats-package.relationships+xml"
_SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET = "xl/worksheets/sheet1.xml"
# The parts that tell a reader where the sheet is, and that styled numbers are moments.
_OTHER_PARTS = {
    "[Content_Types].xml": f"""<Types xmlns="{_PACKAGE}/content-types">
<Default Extension="rels" ContentType="{_RELATIONS}"/>
<Override PartName="/xl/workbook.xml" ContentType="{_SHEETS}.sheet.main+xml"/>
<Override PartName="/{_SHEET}" ContentType="{_SHEETS}.worksheet+xml"/>
<Override PartName="/xl/styles.xml" ContentType="{_SHEETS}.styles+xml"/>
</Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>
</Relationships>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{_PACKAGE}/relationships">
<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>
<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/>
</Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">
<sheets><sheet name=%s sheetId="1" r:id="rId1"/></sheets>
</workbook>""",
    "xl/styles.xml": f"""<styleSheet xmlns="{_MAIN}">
<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy-mm-dd hh:mm:ss"/></numFmts>
<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>
<fills count="1"><fill><patternFill patternType="none"/></fill></fills>
<borders count="1"><border/></borders>
<cellStyleXfs count="1"><xf/></cellStyleXfs>
<cellXfs count="2"><xf/><xf numFmtId="164" applyNumberFormat="1"/></cellXfs>
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>
</styleSheet>""",
}
_MOMENT = ' s="1"'
"""Refers to the second entry of cellXfs above, which shows a number as a moment."""


@contextmanager
def open_sheet(path: Path, name: str) -> Iterator["Sheet"]:
    """Opens a new file for writing; it is complete when the context ends."""
    with ZipFile(path, "w") as book:
        for place, text in _OTHER_PARTS.items():
            named = text % quoteattr(name) if "%s" in text else text
            book.writestr(_member(place), _HEAD + named)
        with book.open(_member(_SHEET), "w") as file:
            file.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            yield Sheet(file)
            file.write(b"</sheetData></worksheet>")


def _member(place: str) -> ZipInfo:
    member = ZipInfo(place, _WRITTEN)
    member.compress_type = ZIP_DEFLATED
    return member


class Sheet:
    """A sheet that takes rows from top to bottom."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._next = file, 1

    def write(self, columns: list[pl.Series]) -> None:
        """Appends rows, as columns of cells from the functions below; at most 26 columns."""
        frame = pl.DataFrame({ascii_uppercase[at]: column for at, column in enumerate(columns)})
        row = pl.int_range(self._next, self._next + pl.len()).cast(pl.String)
        cells = [
            pl.concat_str(pl.lit(f'<c r="{letter}'), row, pl.lit('"'), pl.col(letter)).fill_null("")
            for letter in frame.columns
        ]
        rows = frame.select(
            pl.concat_str(pl.lit('<row r="'), row, pl.lit('">'), *cells, pl.lit("</row>"))
        )
        self._file.write("".join(rows.to_series()).encode())
        self._next += frame.height


def text_cells(text: pl.Series) -> pl.Series:
    """Returns the XML that follows a cell's reference; null where the cell is empty."""
    escaped = text.replace("", None).str.replace_many(["&", "<", ">"], ["&amp;", "&lt;", "&gt;"])
    return ' t="inlineStr"><is><t xml:space="preserve">' + escaped + "</t></is></c>"


def number_cells(numbers: pl.Series, *, are_moments: bool = False) -> pl.Series:
    """Returns the same for numbers; a moment is a number of days since 30 December 1899."""
    style = _MOMENT if are_moments else ""
    return f"{style}><v>" + numbers.cast(pl.String) + "</v></c>"
