"""Files as other programs write them: each loads completely, or a sentence says why not."""

import gzip
import io
import os
import zipfile
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
import xlsxwriter

from c360_dagster.loading import content
from c360_dagster.loading.unknown_files import find_unknown_files
from landing_contract import read_contract
from tests.loading.conftest import ITEMS, Bronze, open_bronze

HEADER = ITEMS.splitlines()[0]
ALL = ["I1", "I2", "I3"]


def test_a_clean_file_keeps_every_cell_and_says_where_it_comes_from(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items_2025-03-01.csv")
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (3, 3, 0)
    first, _, third = bronze.rows(
        "select quantity, unit_price::varchar, line_total::varchar, _file, _row, "
        "_known_at::varchar, _run_id from bronze.transaction_items order by _row"
    )
    name = "sales/transaction_items_2025-03-01.csv"
    assert first == (2, "1.5000", "3.0000", name, 1, "2025-03-01", "test-run")
    assert third == (-1, "1.5000", "-1.5000", name, 3, "2025-03-01", "test-run")


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + ITEMS.encode(),
        b"\xef\xbb\xbf" * 2 + ITEMS.encode(),
        ITEMS.replace("\n", "\r\n").encode(),
        ITEMS.replace("\n", "\r").encode(),
        ITEMS.replace("\n", "\r\n", 2).encode(),
        ITEMS.replace("\n", "\r\n", 3).encode(),
        ITEMS.replace("\n", "\r\n").replace("\r\n", "\n", 1).encode(),
        ITEMS.rstrip("\n").encode(),
        (ITEMS + "\n\n").encode(),
        ITEMS.replace("\n", "\n\n").encode(),
        ITEMS.replace("I1", '"I1"').encode(),
    ],
    ids=[
        *("bom", "two-boms", "crlf", "cr", "mixed", "last-by-hand", "header-by-hand"),
        *("no-last-newline", "blank-end", "blank-lines", "quoted"),
    ],
)
def test_every_kind_of_line_ending_loads(bronze: Bronze, content: bytes) -> None:
    bronze.put("sales/transaction_items.csv", content)
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded) == (3, 3)
    assert bronze.ids() == ALL


def test_gzip_and_parquet_load(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv.gz", gzip.compress(ITEMS.encode()))
    assert bronze.load_one().rows_loaded == len(ALL)
    frame = pl.read_csv(ITEMS.encode()).with_columns(pl.col("item_id") + "p")
    frame.write_parquet(bronze.landing / "sales" / "transaction_items_more.parquet")
    bronze.load()
    assert bronze.ids() == ["I1", "I1p", "I2", "I2p", "I3", "I3p"]


def test_ids_that_a_parquet_file_keeps_as_numbers_are_whole(bronze: Bronze) -> None:
    """Pandas turns ids into floats if some are missing, for example an order without customer."""
    frame = pl.read_csv(ITEMS.encode()).with_columns(
        product_id=pl.Series([12346.0, None, 1.5]), transaction_id=pl.Series([1, 2, None])
    )
    frame.write_parquet(bronze.put("sales/transaction_items.parquet"))
    bronze.load_one()
    assert bronze.rows(
        "select product_id, transaction_id, line_total from bronze.transaction_items order by _row"
    ) == [("12346", "1", Decimal(3)), (None, "2", Decimal("4.25")), ("1.5", None, Decimal("-1.5"))]


def test_texts_that_a_parquet_file_calls_bytes_are_texts(bronze: Bronze) -> None:
    """Programs before 2015 wrote texts as bytes; Hive and Impala still do."""
    frame = pl.read_csv(ITEMS.encode()).with_columns(product_id=pl.lit("Café".encode()))
    path = bronze.put("sales/transaction_items.parquet")
    frame.write_parquet(path)
    assert bronze.load_one().rows_loaded == len(ALL)
    assert bronze.rows("select distinct product_id from bronze.transaction_items") == [("Café",)]
    frame.with_columns(product_id=pl.lit("Café".encode("latin-1"))).write_parquet(path)
    assert "a text in it is not written in UTF-8" in str(bronze.load_one().message)


def test_a_plain_file_named_gz_is_refused_with_its_right_name(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv.gz")
    assert "it is not compressed: let its name end in .csv" in str(bronze.load_one().message)


def test_a_gzip_file_that_unpacks_without_end_is_refused_before_it_fills_the_disk(
    bronze: Bronze, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "LARGE_UNPACKED", 2 * content.CHUNK)
    bomb = ITEMS + "I4,T3,P1,1,1.00,1.00,0.00\n" * 200_000
    bronze.put("sales/transaction_items.csv.gz", gzip.compress(bomb.encode()))
    load = bronze.load_one()
    assert "it unpacks to more than 250 times its size" in (load.message or "")


def test_a_pipe_or_a_device_is_refused_and_not_waited_for(bronze: Bronze) -> None:
    folder = bronze.landing / "sales"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "transaction_items.csv")
    (folder / "transaction_items_more.csv").symlink_to("/dev/zero")
    refused = {name for name, load in bronze.load().items() if "a pipe or a device" in str(load)}
    assert refused == {"sales/transaction_items.csv", "sales/transaction_items_more.csv"}


def test_a_file_that_lost_the_ends_of_its_lines_is_refused_as_such(bronze: Bronze) -> None:
    """If it were read, its million columns would take more memory than there is."""
    bronze.put("sales/transaction_items.csv", ITEMS.replace("\n", ",") * 500)
    load = bronze.load_one()
    assert "the ends of its lines seem to be lost" in (load.message or "")


def test_a_truncated_gzip_is_refused(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv.gz", gzip.compress(ITEMS.encode() * 99)[:60])
    load = bronze.load_one()
    assert load.status == "refused"
    assert "cut off" in str(load.message)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_in_another_order_and_setting_find_their_place(bronze: Bronze, ending: str) -> None:
    names = "Quantity,discount.applied,Line Total, UNIT_PRICE ,product-id,transactionId,item_id"
    text = f"{names}\n2,0,3,1.5,P1,T1,I1\n"
    path = bronze.put(f"sales/transaction_items.{ending}", text)
    if ending == "parquet":
        pl.read_csv(text.encode()).write_parquet(path)
    assert bronze.load_one().unknown_columns == ()
    assert bronze.rows("select item_id, quantity, product_id from bronze.transaction_items") == [
        ("I1", 2, "P1")
    ]


def test_an_extra_column_stays_out_and_is_named_once(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv", f"{HEADER},colour\nI1,T1,P1,1,1,1,0,red\n")
    assert bronze.load_one().unknown_columns == ("colour",)
    assert bronze.load_one().unknown_columns == ()
    assert bronze.rows("select unknown_columns from bronze.load_log") == [(["colour"],)]


def test_a_missing_required_column_refuses_that_file_alone(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv")
    bronze.put("sales/transaction_items_b.csv", "item_id,transaction_id,quantity\nI9,T9,1\n")
    loads = bronze.load()
    refused = loads["sales/transaction_items_b.csv"]
    assert refused.status == "refused"
    assert refused.message is not None
    assert "sales/transaction_items_b.csv: its header lacks product_id" in refused.message
    assert bronze.ids() == ALL


def test_a_missing_descriptive_column_is_null_and_named(bronze: Bronze) -> None:
    bronze.put("customer/customers.csv", "customer_id,registration_date\nC1,2025-01-01\n")
    load = bronze.load_one("customers")
    assert load.rows_loaded == 1
    assert "email" in load.missing_columns
    assert bronze.rows("select customer_id, email from bronze.customers") == [("C1", None)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (ITEMS.encode("utf-16"), "UTF-16"),
        (ITEMS.encode("utf-16-le"), "UTF-16"),
        (ITEMS.encode("utf-32"), "full of zero bytes"),
        (ITEMS[:99].encode() + bytes(5000), "full of zero bytes"),
        (bytes(5000), "full of zero bytes"),
        (ITEMS.replace("P1", "Pé").encode("latin-1"), "ISO-8859-1"),
        (ITEMS.replace("P1", "P€").encode("windows-1252"), "windows-1252"),
        (ITEMS.replace(",", ";").encode(), "semicolons"),
        (ITEMS.split("\n", 1)[1].encode(), "header"),
        (b"", "empty"),
        (b"sep=;\n" + ITEMS.replace(",", ";").encode(), "sep=;, which only Excel understands"),
        (ITEMS.replace("quantity", "item_id").encode(), "item_id twice"),
        (ITEMS.replace("quantity", "Item ID").encode(), "item_id twice"),
        (ITEMS.replace("discount", '"discount').encode(), "a quote in its header"),
        (ITEMS.replace("discount", '"discount').encode() + b"I4\n" * 50 + b'X,"', "in its header"),
    ],
    ids=[
        *(
            "utf-16",
            "utf-16-no-bom",
            "utf-32",
            "cut-off",
            "zeros",
            "latin-1",
            "1252",
            "semicolon",
            "headerless",
            "empty",
        ),
        *("excel", "twice", "twice-otherwise", "open-header", "header-closed-much-later"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(
    bronze: Bronze, content: bytes, words: str
) -> None:
    bronze.put("sales/transaction_items.csv", content)
    load = bronze.load_one()
    assert load.status == "refused"
    assert str(load.message).startswith("sales/transaction_items.csv: ")
    assert words in str(load.message)
    assert bronze.ids() == []
    assert bronze.load_one().status == "refused"
    assert len(bronze.rows("from bronze.load_log")) == 1, "the same refusal is logged once"
    bronze.put("sales/transaction_items.csv")
    assert bronze.load_one().rows_loaded == len(ALL)


def _write_workbook() -> bytes:
    written = io.BytesIO()
    with xlsxwriter.Workbook(written) as workbook:
        workbook.add_worksheet().write_row(0, 0, HEADER.split(","))
    return written.getvalue()


def _write_archive() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("transaction_items.csv", ITEMS)
    return written.getvalue()


def _write_parquet() -> bytes:
    written = io.BytesIO()
    pl.read_csv(ITEMS.encode()).write_parquet(written)
    return written.getvalue()


OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("sales/transaction_items.csv", _write_workbook(), "an Excel workbook: save it as CSV."),
        ("workbooks/Transaction.csv", _write_workbook(), "CSV, or let its name end in .xlsx."),
        ("workbooks/Transaction.csv", OLD_WORKBOOK, "an old Excel workbook: save it as CSV, or as"),
        ("sales/transaction_items.csv", OLD_WORKBOOK, "an old Excel workbook: save it as CSV."),
        ("sales/transaction_items.csv", _write_archive(), "it is a zip archive: unpack it."),
        ("sales/transaction_items.csv", _write_archive()[:50], "it is a zip archive"),
        ("sales/transaction_items.csv", _write_parquet(), "let its name end in .parquet."),
        ("sales/transaction_items.csv", gzip.compress(ITEMS.encode()), "end in .csv.gz."),
        (
            "sales/transaction_items.csv.gz",
            gzip.compress(_write_workbook()),
            "what it holds is an Excel workbook: save it as CSV.",
        ),
        (
            "sales/transaction_items.csv.gz",
            gzip.compress(gzip.compress(ITEMS.encode())),
            "compressed twice: unpack it once.",
        ),
        (
            "sales/transaction_items.csv",
            b"\x7fELF\x02\x01\0\x1b[31m" + b"x" * 999 + b"\n1\n",
            "export it again (found: ELF[31mxxx",
        ),
    ],
    ids=[
        *("excel", "excel-allowed", "old-excel-allowed", "old-excel", "zip", "zip-cut-off"),
        *("parquet", "gzip", "excel-in-gzip", "gzip-in-gzip", "no-text"),
    ],
)
def test_a_file_of_another_format_is_refused_by_its_name(
    bronze: Bronze, name: str, content: bytes, words: str
) -> None:
    bronze.put(name, content)
    table = "workbook_transactions" if name.startswith("workbooks") else "transaction_items"
    load = bronze.load_one(table)
    message = str(load.message)
    assert load.status == "refused"
    assert words in message
    assert message.isprintable()
    assert len(message) < 200, "a screen's width or two"
    assert bronze.rows("select message from bronze.load_log") == [(message,)]


def test_a_header_of_text_may_begin_like_another_format(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv", ITEMS.replace("item_id", "PAR1,item_id", 1))
    assert bronze.load_one().unknown_columns == ("PAR1",)


def test_control_characters_of_a_header_are_removed(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv", f"{HEADER},col\x1b[1mour\nI1,T1,P1,1,1,1,0,red\n")
    assert bronze.load_one().unknown_columns == ("col[1mour",)


def test_header_only_is_a_table_without_rows(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv", HEADER + "\n")
    load = bronze.load_one()
    assert (load.status, load.rows_read) == ("loaded", 0)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_folder_names_with_an_equals_sign_give_no_columns(tmp_path: Path, suffix: str) -> None:
    """Other tools name folders so (`year=2024`), and DuckDB would make columns of them."""
    with open_bronze(tmp_path / "item_id=ZZ" / "year=2024") as bronze:
        content = ITEMS if suffix == "csv" else _write_parquet()
        bronze.put(f"sales/transaction_items.{suffix}", content)
        assert bronze.load_one().unknown_columns == ()
        assert bronze.ids() == ["I1", "I2", "I3"]


def test_a_file_that_crashes_the_reader_is_refused_by_name(
    bronze: Bronze, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*_: object) -> None:
        raise duckdb.InvalidInputException("the state machine reached an invalid state.\nMore.")

    bronze.put("sales/transaction_items.csv")
    monkeypatch.setattr("c360_dagster.loading.bronze.read_text", give_up)
    assert bronze.load_one().message == (
        "sales/transaction_items.csv: the reader cannot read it (the state machine reached an "
        "invalid state): export it again, as plain CSV."
    )


def test_a_header_may_be_long_and_contain_line_breaks(bronze: Bronze) -> None:
    header = HEADER + ',"of\nthe\ntill","' + "q" * 200_000 + '"'
    bronze.put("sales/transaction_items.csv", f"{header}\nI1,T,P,1,1,1,0,x,y\n")
    assert bronze.load_one().rows_loaded == 1


def test_a_folder_in_a_files_place_is_refused(bronze: Bronze) -> None:
    (bronze.landing / "sales" / "transaction_items.csv").mkdir(parents=True)
    assert "folder" in str(bronze.load_one().message)


def test_a_name_with_spaces_and_quotes_loads(bronze: Bronze) -> None:
    name = 'sales/transaction_items_2025-01-05 Anna\'s "last" copy.csv'
    bronze.put(name)
    assert bronze.load()[name].rows_loaded == len(ALL)
    assert bronze.rows(
        "select distinct _file, _known_at::varchar from bronze.transaction_items"
    ) == [(name, "2025-01-05")]


def test_a_name_that_is_not_utf_8_is_refused_alone(bronze: Bronze) -> None:
    """Archives from Windows leave such names. The database would stop the whole run over one."""
    bronze.put("sales/transaction_items.csv")
    for name in (b"transaction_items_M\xe4rz.csv", b"M\xe4rz.csv"):
        (bronze.landing / "sales" / os.fsdecode(name)).write_text(ITEMS, "utf-8")
    loads = bronze.load()
    assert loads["sales/transaction_items.csv"].rows_loaded == len(ALL)
    refused = loads["sales/transaction_items_M\N{REPLACEMENT CHARACTER}rz.csv"]
    assert "not written in UTF-8" in (refused.message or "")
    assert find_unknown_files(bronze.landing, read_contract()) == [
        "sales/M\N{REPLACEMENT CHARACTER}rz.csv"
    ]


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\n", "\u202e"])
def test_a_name_with_control_characters_is_refused(bronze: Bronze, hidden: str) -> None:
    """Otherwise it would steer logs, the UI and alerts, and nobody would notice it there."""
    bronze.put(f"sales/transaction_items_{hidden}.csv")
    load = bronze.load_one()
    assert "no screen shows: rename it" in (load.message or "")
    assert hidden not in load.name + str(load.message)


def test_a_quoted_line_break_is_part_of_its_cell(bronze: Bronze) -> None:
    bronze.put(
        "sales/transaction_items.csv",
        ITEMS.replace("P2", '"P, two\nlines ""quoted"""').replace("-1.50,0.00", "abc,0.00"),
    )
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (3, 2, 1)
    assert bronze.rows("select product_id, _row from bronze.transaction_items order by _row") == [
        ("P1", 1),
        ('P, two\nlines "quoted"', 2),
    ]
    ((line, _, _, raw),) = bronze.rejects()
    assert (line, raw) == (5, "I3,T2,P1,-1,1.50,abc,0.00"), "the line as an editor counts it"
