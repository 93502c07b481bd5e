"""One Excel file: first sheet, header in the first row, the same bytes for the same rows.

Numbers are numbers and dates are dates, except in the rows where a person typed text.
"""

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import xlsxwriter

from landing_contract import Column, Table
from mock_data.batch import Rows
from mock_data.world import World

_EXCEL_EPOCH = datetime(1899, 12, 30)


def write_workbook(path: Path, world: World, table: Table, parts: list[Rows]) -> int:
    """Writes the rows; returns in how many of them numbers and dates are text."""
    book = xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_numbers": False})
    book.set_properties({"created": datetime(2020, 1, 1)})
    sheet = book.add_worksheet(table.file_stem[:31])
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    for place, name in enumerate(table.column_names):
        sheet.write_string(0, place, name)
    row, mixed = 0, 0
    for frame, keys in parts:
        is_text = world.flags("cells_of_mixed_types", keys)
        mixed += int(is_text.sum())
        columns = [_cells(frame[c.name], c, is_text) for c in table.columns]
        kinds = [moment if c.type == "timestamp" else None for c in table.columns]
        for cells in zip(*columns, strict=True):
            row += 1
            for place, cell in enumerate(cells):
                if isinstance(cell, str):
                    sheet.write_string(row, place, cell)
                elif cell is not None:
                    sheet.write_number(row, place, cell, kinds[place])
    book.close()
    return mixed


def _cells(values: pl.Series, column: Column, is_text: np.ndarray) -> list[str | float | None]:
    """Python values of a column's cells; None is an empty one."""
    text = values.cast(pl.String)
    if column.type == "varchar":
        return [cell or None for cell in text]
    if column.type.startswith("decimal"):
        text = pl.Series([f"{cell:.2f}" for cell in values])
    numbers: pl.Series
    if column.type == "timestamp":
        since = text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False) - _EXCEL_EPOCH
        numbers = since.dt.total_seconds() / 86_400
    else:
        numbers = text.cast(pl.Float64, strict=False)
        if column.type == "bigint":
            numbers = numbers.cast(pl.Int64)
    return [
        (cell or None) if typed or number is None else number
        for cell, number, typed in zip(text, numbers, is_text.tolist(), strict=True)
    ]
