"""Writes a table as an Excel file of one sheet; the same rows give the same bytes.

Numbers and dates have their proper types, except in some rows, where they are text, as people
type it.
"""

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from landing_contract import Column, Table
from mock_data.batch import Rows
from mock_data.world import World
from mock_data.xlsx import number_cells, open_sheet, text_cells

_EXCEL_EPOCH = datetime(1899, 12, 30)


def write_workbook(path: Path, world: World, table: Table, parts: list[Rows]) -> int:
    """Writes the rows; returns in how many of them numbers and dates are text on purpose."""
    mixed = 0
    with open_sheet(path, table.file_stem[:31]) as sheet:
        sheet.write([text_cells(pl.Series([name])) for name in table.column_names])
        for frame, keys in parts:
            is_text = world.flags("cells_of_mixed_types", keys)
            mixed += int(is_text.sum())
            sheet.write([_cells(frame[c.name], c, is_text) for c in table.columns])
    return mixed


def _cells(values: pl.Series, column: Column, is_text: np.ndarray) -> pl.Series:
    text = values.cast(pl.String)
    if column.type == "varchar":
        return text_cells(text)
    if column.type.startswith("decimal"):
        text = pl.Series([f"{cell:.2f}" for cell in values], dtype=pl.String)
    is_moment = column.type == "timestamp"
    if is_moment:
        since = text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False) - _EXCEL_EPOCH
        numbers = since.dt.total_seconds() / 86_400
    else:
        numbers = text.cast(pl.Float64, strict=False)
        if column.type == "bigint":
            numbers = numbers.cast(pl.Int64)
    is_number = numbers.is_not_null() & ~pl.Series(is_text, dtype=pl.Boolean)
    return number_cells(numbers, are_moments=is_moment).zip_with(is_number, text_cells(text))
