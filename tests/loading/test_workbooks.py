"""Workbooks: their first sheet is read as text and cast to the contract's types."""

import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from c360_dagster.loading import workbook
from tests.loading.conftest import Bronze

COLUMNS = ["customer_id", "name", "email", "phone", "signup_date", "location"]
SESSIONS = [
    "session_id",
    "customer_id",
    "page_views",
    "session_duration",
    "device",
    "interaction_date",
]


def _write(path: Path, *sheets: tuple[str, list[list[Any]]], **options: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(path, options) as book:
        as_date = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for place, cell in enumerate(row):
                    if isinstance(cell, datetime):
                        sheet.write_datetime(number, place, cell, as_date)
                    elif isinstance(cell, str) and cell.startswith("="):
                        formula, _, value = cell.partition("→")
                        sheet.write_formula(number, place, formula, None, _number(value))
                    elif isinstance(cell, str):
                        sheet.write_string(number, place, cell)
                    else:
                        sheet.write(number, place, cell)


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _rewrite(path: Path, part: str, old: bytes, new: bytes) -> None:
    """Replaces bytes in one part of the workbook, to imitate what other programs write.

    For example, some programs write formulas without working out their values.
    """
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_cells_of_every_type_are_read_and_leading_zeros_stay(bronze: Bronze) -> None:
    path = bronze.landing / "workbooks" / "Web_Interactions.xlsx"
    rows: list[list[Any]] = [
        SESSIONS,
        ["S1", "000123", 3, "12 min", "ios", datetime(2025, 1, 2, 3, 4, 5)],
        ["S2", 123, "4", "340 s", "web", "2025-01-02 03:04:05"],
        ["S3", "000124", None, 45, "web", "2025-01-02"],
        ["S4", "000125", "many", "1.5 hours", "web", "soon"],
        ["S5", "000126", 1, "1 h", "web", 45659.5],
    ]
    _write(path, ("Sheet1", rows))
    load = bronze.load_one("web_interactions")
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (5, 4, 1)
    assert bronze.rows(
        "select customer_id, page_views, session_duration, interaction_date::varchar, _row "
        "from bronze.web_interactions order by _row"
    ) == [
        ("000123", 3, 720, "2025-01-02 03:04:05", 1),
        ("123", 4, 340, "2025-01-02 03:04:05", 2),
        ("000124", None, 45, "2025-01-02 00:00:00", 3),
        ("000126", 1, 3600, "2025-01-02 12:00:00", 5),
    ]
    ((line, kind, errors, _),) = bronze.rejects()
    assert (line, kind) == (5, "row")
    assert [error["column"] for error in errors] == ["interaction_date", "page_views"]


def test_days_are_counted_from_where_the_workbook_counts_them(bronze: Bronze) -> None:
    """A workbook that began on an old Mac counts from 1904, so its numbers are smaller by 1 462."""
    path = bronze.landing / "workbooks" / "Web_Interactions.xlsx"
    rows: list[list[Any]] = [
        SESSIONS,
        ["S1", "1", 3, 45, "web", datetime(2025, 1, 2, 3, 4, 5)],
        ["S2", "1", 3, 45, "web", 45659.5 - 1462],
    ]
    _write(path, ("Sheet1", rows), date_1904=True)
    bronze.load_one("web_interactions")
    assert bronze.rows(
        "select interaction_date::varchar from bronze.web_interactions order by _row"
    ) == [("2025-01-02 03:04:05",), ("2025-01-02 12:00:00",)]


def test_a_title_above_the_header_and_blank_rows_are_passed_over(bronze: Bronze) -> None:
    rows: list[list[Any]] = [
        ["Customers of the web shop"],
        [],
        COLUMNS,
        ["01", "Ann", None, None, "2025-01-01"],
        [],
    ]
    rows += [["02", "Bea", None, None, "2025-01-02"]]
    _write(bronze.landing / "workbooks" / "Customer_master.xlsx", ("Sheet1", rows))
    assert bronze.load_one("customer_master").rows_loaded == 2
    assert bronze.ids("customer_master") == ["01", "02"]


def test_a_workbook_with_another_first_sheet_is_refused_with_the_right_one(bronze: Bronze) -> None:
    path = bronze.landing / "workbooks" / "Customer_master.xlsx"
    _write(path, ("Notes", [["hello"]]), ("Data", [COLUMNS, ["01", "Ann"]]))
    message = str(bronze.load_one("customer_master").message)
    assert "first sheet 'Notes'" in message
    assert "sheet 'Data' has them" in message


def test_a_hidden_sheet_is_not_the_first(bronze: Bronze) -> None:
    """People who open the workbook do not see it. It may hold choice lists or last year's data."""
    path = bronze.landing / "workbooks" / "Customer_master.xlsx"
    old, new = [["99", "Old", "", "", "2020-01-01"]], [["01", "Ann", "", "", "2025-01-01"]]
    _write(path, ("Old", [COLUMNS, *old]), ("A & B", [COLUMNS, *new]))
    _rewrite(path, "xl/workbook.xml", b'name="Old" sheetId="1"', b'name="Old" state="veryHidden"')
    bronze.load_one("customer_master")
    assert bronze.ids("customer_master") == ["01"]


def test_workbooks_of_other_programs_are_read(bronze: Bronze) -> None:
    """Not every program that writes workbooks puts attributes into double quotes."""
    path = bronze.landing / "workbooks" / "Customer_master.xlsx"
    _write(path, ("A & B", [COLUMNS, ["01", "Ann", "", "", "2025-01-01"]]))
    _rewrite(path, "xl/workbook.xml", b'name="A &amp; B"', b"name='A &amp; B'")
    bronze.load_one("customer_master")
    assert bronze.ids("customer_master") == ["01"]


AS_OTHERS_WRITE = {
    "prefixed": [(rb"<(/?)(?=[a-z])", rb"<\1x:"), (rb"\bxmlns=", rb"xmlns:x=")],
    "single quotes": [(rb'(?<==)"([^"\']*)"', rb"'\1'")],
    "without places": [(rb'(?<=<c) r="[A-Z]+[0-9]+"', b"")],
}
"""How programs other than Excel write a sheet's XML; .NET's library writes the first form."""


@pytest.mark.parametrize("writing", AS_OTHERS_WRITE)
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml"])
def test_errors_and_formulas_are_seen_whatever_program_wrote_the_sheet(
    bronze: Bronze, writing: str, part: str
) -> None:
    columns = ["transaction_id", "customer_id", "transaction_date", "amount"]
    path = bronze.landing / "workbooks" / "Transaction.xlsx"
    rows: list[list[Any]] = [columns, ["T1", "01", "2025-01-01", "=7/0→77"]]
    rows += [["T2", "01", "2025-01-01", 5]]
    for value, said in ((b' t="e"><f>7/0</f><v>#DIV/0!</v>', None), (b"><f>7</f>", "has no value")):
        _write(path, ("S", rows))
        _rewrite(path, "xl/worksheets/sheet1.xml", b"><f>7/0</f><v>77</v>", value)
        with zipfile.ZipFile(path) as archive:
            written = otherwise = archive.read(part)
        for old, new in AS_OTHERS_WRITE[writing]:
            otherwise = re.sub(old, new, otherwise)
        _rewrite(path, part, written, otherwise)
        message = bronze.load_one("workbook_transactions").message
        assert (said in str(message)) if said else message is None
    assert [row[2][0]["reason"][:9] for row in bronze.rejects()] == ["'#DIV/0!'"]
    assert bronze.ids("workbook_transactions") == ["T2"]


def test_formulas_count_with_their_values(bronze: Bronze) -> None:
    columns = ["transaction_id", "customer_id", "transaction_date", "amount"]
    path = bronze.landing / "workbooks" / "Transaction.xlsx"
    _write(path, ("S", [columns, ["T1", "01", "2025-01-01", "=1+2→3"]]))
    bronze.load_one("workbook_transactions")
    assert bronze.rows("select amount::varchar from bronze.workbook_transactions") == [("3.0000",)]
    _write(path, ("S", [columns, ["T1", "01", "2025-01-01", "=1+2→0"]]))
    _rewrite(path, "xl/worksheets/sheet1.xml", b"<v>0</v></c></row>", b"<v></v></c></row>")
    assert "formula in cell D2" in str(bronze.load_one("workbook_transactions").message)


@pytest.mark.parametrize("content", [b"no workbook", b"PK\x03\x04 half a zip"])
def test_a_file_that_only_ends_in_xlsx_is_refused(bronze: Bronze, content: bytes) -> None:
    bronze.put("workbooks/Transaction.xlsx", content)
    assert "not an Excel workbook" in str(bronze.load_one("workbook_transactions").message)


def test_a_header_of_the_required_columns_is_enough(bronze: Bronze) -> None:
    rows: list[list[Any]] = [["Customer ID", "Signup date"], ["01", "2025-01-01"]]
    _write(bronze.landing / "workbooks" / "Customer_master.xlsx", ("S", rows))
    assert bronze.load_one("customer_master").rows_loaded == 1


def test_a_formula_whose_value_is_an_empty_text_is_an_empty_cell(bronze: Bronze) -> None:
    columns = ["transaction_id", "customer_id", "transaction_date", "amount", "payment_method"]
    rows: list[list[Any]] = [columns, ["T1", "01", "2025-01-01", 5, '=IF(1=2,"x","")→x']]
    path = bronze.landing / "workbooks" / "Transaction.xlsx"
    _write(path, ("S", rows))
    _rewrite(path, "xl/worksheets/sheet1.xml", b"<v>x</v>", b"<v></v>")
    assert bronze.load_one("workbook_transactions").rows_loaded == 1


def test_an_error_in_a_cell_is_unreadable_and_not_empty(bronze: Bronze) -> None:
    columns = ["transaction_id", "customer_id", "transaction_date", "amount"]
    path = bronze.landing / "workbooks" / "Transaction.xlsx"
    rows: list[list[Any]] = [[], ["", *columns], ["", "T1", "01", "2025-01-01", 5]]
    rows += [["", "T2", "01", "2025-01-01", 7], ["", "T3", "01", "2025-01-01", 9]]
    _write(path, ("S", [[None, *row[1:]] for row in rows]))
    _rewrite(
        path,
        "xl/worksheets/sheet1.xml",
        b'<c r="E4"><v>7</v></c>',
        b'<c r="E4" t="e"><f>7/0</f><v>#DIV/0!</v></c>',
    )
    assert bronze.load_one("workbook_transactions").rows_rejected == 1
    ((line, kind, errors, raw),) = bronze.rejects()
    assert (line, kind, errors[0]["column"]) == (4, "row", "amount"), "as Excel counts"
    assert errors[0]["reason"].startswith("'#DIV/0!' is not a number")
    assert raw == "T2,01,2025-01-01,#DIV/0!"


def test_an_error_does_not_become_text(bronze: Bronze) -> None:
    """Otherwise all customers whose look-up failed would be one customer called #N/A."""
    columns = ["transaction_id", "customer_id", "transaction_date", "amount"]
    path = bronze.landing / "workbooks" / "Transaction.xlsx"
    rows: list[list[Any]] = [columns, ["T1", "=A9→#N/A", "2025-01-01", 5]]
    rows += [["=A9→#REF!", "01", "2025-01-01", 7], ["T3", "#VALUE!", "2025-01-01", 9]]
    _write(path, ("S", rows))
    bronze.load_one("workbook_transactions")
    assert bronze.rows(
        "select transaction_id, customer_id from bronze.workbook_transactions order by 1"
    ) == [("T1", None), ("T3", "#VALUE!")]
    assert [(kind, errors[0]["reason"]) for _, kind, errors, _ in bronze.rejects()] == [
        ("cell", "'#N/A' is not a text, but a formula that failed"),
        ("row", "'#REF!' is not a text, but a formula that failed"),
    ]


@pytest.mark.parametrize("beyond", [["", "", "", "=SUM(D2)→5"], ["", "", "", "", "=D2→5"]])
def test_a_formula_without_a_value_is_named_also_beyond_the_table(
    bronze: Bronze, beyond: list[str]
) -> None:
    columns = ["transaction_id", "customer_id", "transaction_date", "amount"]
    path = bronze.landing / "workbooks" / "Transaction.xlsx"
    rows: list[list[Any]] = [columns, ["T1", "01", "2025-01-01", 6]]
    _write(path, ("S", [*rows, [each or None for each in beyond]]))
    _rewrite(path, "xl/worksheets/sheet1.xml", b"<v>5</v>", b"")
    place = "D3" if len(beyond) == 4 else "E3"
    message = str(bronze.load_one("workbook_transactions").message)
    assert f"the formula in cell {place} has no value" in message


@pytest.mark.parametrize(("place", "said"), [("sheet2", "formula in cell D2"), ("sheet1", "None")])
def test_the_first_sheet_is_the_one_that_the_workbook_names_first(
    bronze: Bronze, place: str, said: str
) -> None:
    """The names of the parts do not tell the order, because people drag sheets to the front."""
    columns = ["transaction_id", "customer_id", "transaction_date", "amount"]
    path = bronze.landing / "workbooks" / "Transaction.xlsx"
    rows = [columns, ["T1", "01", "2025-01-01", "=1+2→77"]]
    _write(path, ("Other", [["=1+2→77"]]), ("S", rows))
    _rewrite(path, f"xl/worksheets/{place}.xml", b"<v>77</v>", b"<v></v>")
    one, two = (
        b'<sheet name="Other" sheetId="1" r:id="rId1"/>',
        b'<sheet name="S" sheetId="2" r:id="rId2"/>',
    )
    _rewrite(path, "xl/workbook.xml", one + two, two + one)
    assert said in str(bronze.load_one("workbook_transactions").message)


FAR = "far from the table, which makes the sheet too large to be read"
BROKEN = "it is not an Excel workbook that can be opened"


@pytest.mark.parametrize(
    ("place", "said"), [("XFD1048576", FAR), ("AZ1048576", FAR), ("D4294967295", FAR), ("AZ9", "")]
)
def test_a_cell_in_a_far_corner_refuses_one_workbook_and_does_not_end_the_run(
    bronze: Bronze, place: str, said: str
) -> None:
    """The reader reserves memory for all cells up to it and, without enough, ends the process."""
    path = bronze.landing / "workbooks" / "Customer_master.xlsx"
    _write(path, ("Sheet1", [COLUMNS, ["7", *["a"] * 5, "b"]]))
    _rewrite(path, "xl/worksheets/sheet1.xml", b'r="G2"', f'r="{place}"'.encode())
    load = bronze.load_one("customer_master")
    assert load.status == ("refused" if said else "loaded")
    assert said in (load.message or "")


def test_a_far_cell_with_only_a_colour_does_not_count(bronze: Bronze) -> None:
    path = bronze.landing / "workbooks" / "Customer_master.xlsx"
    _write(path, ("Sheet1", [COLUMNS, ["7", *["a"] * 5]]))
    empty = b'<c r="XFD1048576" s="1"/></row>'
    _rewrite(path, "xl/worksheets/sheet1.xml", b"</row>", empty)
    assert bronze.load_one("customer_master").status == "loaded"


def test_a_workbook_that_unpacks_without_end_is_refused_unread(
    bronze: Bronze, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MOST_BYTES", 100_000)
    path = bronze.landing / "workbooks" / "Customer_master.xlsx"
    _write(path, ("Sheet1", [COLUMNS, ["7", *["a"] * 5]]))
    _rewrite(path, "xl/styles.xml", b"<styleSheet", b" " * 200_000 + b"<styleSheet")
    assert "more than a gigabyte" in (bronze.load_one("customer_master").message or "")


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("xl/worksheets/sheet1.xml", b'<row r="2"', b'<row r="x"'),
        ("xl/worksheets/sheet1.xml", b'<row r="2"', b'<row r="900"'),
        ("xl/workbook.xml", b'<sheet name="Sheet1" sheetId="1" r:id="rId1"/>', b""),
    ],
)
def test_a_workbook_whose_inside_is_odd_is_refused_and_stops_nothing(
    bronze: Bronze, part: str, old: bytes, new: bytes
) -> None:
    path = bronze.landing / "workbooks" / "Customer_master.xlsx"
    _write(path, ("Sheet1", [COLUMNS, ["7", *["a"] * 4, "=1/0→#DIV/0!"]]))
    _rewrite(path, part, old, new)
    assert BROKEN in (bronze.load_one("customer_master").message or "")


def test_a_workbook_damaged_on_the_way_is_refused_and_stops_nothing(bronze: Bronze) -> None:
    path = bronze.landing / "workbooks" / "Customer_master.xlsx"
    _write(path, ("Sheet1", [COLUMNS, ["7", *["a"] * 5]]))
    with zipfile.ZipFile(path) as archive:
        begin = archive.getinfo("xl/_rels/workbook.xml.rels").header_offset
    content = bytearray(path.read_bytes())
    content[begin + 80 : begin + 90] = b"\xff" * 10
    path.write_bytes(content)
    assert BROKEN in (bronze.load_one("customer_master").message or "")
