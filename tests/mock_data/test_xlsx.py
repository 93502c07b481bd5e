"""The simulator's Excel files can be read by a program that is not ours."""

from datetime import datetime
from pathlib import Path

import fastexcel
import polars as pl

from mock_data.xlsx import number_cells, open_sheet, text_cells

EPOCH = datetime(1899, 12, 30)


def write(path: Path) -> Path:
    moments = pl.Series([datetime(2025, 2, 28, 23, 59, 59), None]) - EPOCH
    with open_sheet(path, 'Orders & "more"') as sheet:
        sheet.write([text_cells(pl.Series([name])) for name in ("text", "number", "moment")])
        sheet.write([
            text_cells(pl.Series(["  <Bed & Bath>  ", ""])),
            number_cells(pl.Series([0.1, -12345678.25])),
            number_cells(moments.dt.total_seconds() / 86_400, are_moments=True),
        ])  # fmt: skip
        sheet.write([
            text_cells(pl.Series([None, "Żółć 数"], dtype=pl.String)),
            number_cells(pl.Series([None, 7], dtype=pl.Int64)),
            text_cells(pl.Series(["yesterday", None])),
        ])  # fmt: skip
    return path


def test_cells_come_back_as_they_were(tmp_path: Path) -> None:
    book = fastexcel.read_excel(write(tmp_path / "a.xlsx"))
    assert book.sheet_names == ['Orders & "more"']
    cells = book.load_sheet(0, dtypes="string").to_polars()
    assert cells["text"].to_list() == ["  <Bed & Bath>  ", None, None, "Żółć 数"]
    assert cells["number"].to_list() == ["0.1", "-12345678.25", None, "7"]
    assert cells["moment"].to_list() == ["2025-02-28 23:59:59", None, "yesterday", None]


def test_the_same_cells_are_the_same_bytes(tmp_path: Path) -> None:
    one, other = write(tmp_path / "a.xlsx"), write(tmp_path / "b.xlsx")
    assert one.read_bytes() == other.read_bytes()
