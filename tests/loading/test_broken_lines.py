"""Each broken line or cell is listed with line and reason, and harms none of its neighbours."""

import duckdb
import pytest

from c360_dagster.loading import csv_text
from c360_dagster.sql import fetch_count
from tests.loading.conftest import ITEMS, Bronze

HEADER = ITEMS.splitlines()[0]
NUMBER = "a number such as 12.50, of at most 12 digits before the point"
WHOLE = "a whole number of at most 12 digits"


def _good(number: int) -> str:
    return f"I{number:07},T{number // 3},P{number % 7},1,2.50,2.50,0.00"


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("X,T1", None, "the line has 2 of 7 columns"),
        ("X,T1,P1,two", None, "the line has 4 of 7 columns"),
        ("X,T1,P1,1,1,1,0,9", None, "the line has more columns than the header"),
        ("X,T1,P1,two,1,1,0", "quantity", f"'two' is not {WHOLE}"),
        ("X,T1,P1,2.5,1,1,0", "quantity", f"'2.5' is not {WHOLE}"),
        ("X,T1,P1,4006381333931,1,1,0", "quantity", f"'4006381333931' is not {WHOLE}"),
        (f"X,T1,P1,{2**63 - 1},1,1,0", "quantity", f"'{2**63 - 1}' is not {WHOLE}"),
        ("X,T1,P1,2,1.5.2,1,0", "unit_price", f"'1.5.2' is not {NUMBER}"),
        ('X,T1,P1,2,"1,250.00",1,0', "unit_price", f"'1,250.00' is not {NUMBER}"),
        ("X,T1,P1,2,1,1000000000000,0", "line_total", f"'1000000000000' is not {NUMBER}"),
        ("X,T1,P1,2,1,99999999999999.99,0", "line_total", f"'99999999999999.99' is not {NUMBER}"),
        ("X,T1,P1,2,1,NaN,0", "line_total", f"'NaN' is not {NUMBER}"),
        (",T1,P1,2,1,1,0", "item_id", "the key is empty"),
        ('"  ",T1,P1,2,1,1,0', "item_id", "the key is empty"),
        ("\u00a0,T1,P1,2,1,1,0", "item_id", "the key is empty"),
        ('X,T1,"P1,2,1,1,0', None, "a quote opens and does not close"),
        ('X,T1,"P1"x,2,1,1,0', None, "a quote opens or closes in the wrong place"),
    ],
)
@pytest.mark.parametrize(("ending", "many"), [("\n", 50_000), ("\r\n", 50_000), ("\n", 0)])
def test_a_broken_line_is_rejected_alone(  # noqa: PLR0913
    bronze: Bronze,
    monkeypatch: pytest.MonkeyPatch,
    *,
    line: str,
    column: str | None,
    reason: str,
    ending: str,
    many: int,
) -> None:
    """With MANY_REJECTS at 0, the path for very many broken lines must give the same result."""
    monkeypatch.setattr("c360_dagster.loading.csv_text.MANY_REJECTS", many)
    lines = [HEADER, _good(1), _good(2), line, _good(3), _good(4)]
    bronze.put("sales/transaction_items.csv", ending.join(lines) + ending)
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (5, 4, 1)
    assert bronze.rejects() == [(4, "row", [{"column": column, "reason": reason}], line)]
    numbers = bronze.rows("select _row from bronze.transaction_items order by _row")
    assert numbers == [(1,), (2,), (4,), (5,)]
    assert bronze.load_one().status == "unchanged", "the next run is clean"


def test_a_line_that_is_not_utf8_is_rejected_alone_where_others_are(bronze: Bronze) -> None:
    lines = [HEADER, _good(1), "I2,T1,Pé,1,1,1,0", _good(3)]
    content = "\n".join(lines).encode() + b"\nI4,T1,P\xff\xfe,1,1,1,0\n" + _good(5).encode() + b"\n"
    bronze.put("sales/transaction_items.csv", content)
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (5, 4, 1)
    assert bronze.rejects()[0][0] == 5
    assert "I2" in bronze.ids()


def test_a_line_is_listed_and_read_again_as_it_stands_in_the_file(bronze: Bronze) -> None:
    """DuckDB keeps only 10 000 bytes of a line, and not every byte of one with a wrong encoding."""
    page, header = "x" * 20_000, "usage_id,customer_id,session_start,session_date,device_type\n"
    sound, broken = f"U1,C1,2025-01-01,31.12.2025,{page}", f"U2,{page},2025-01-01,?"
    content = f"{header}{sound}\n{broken}\nü,C,2025-01-01,,\n".encode()
    bronze.put("customer/app_usage.csv", content + b"U4,\xe9,2025-01-01,,\n")
    assert bronze.load_one("app_usage").rows_loaded == 2
    assert bronze.rows("select max(length(device_type)) from bronze.app_usage") == [(len(page),)]
    assert [raw for *_, raw in bronze.rejects()] == [sound, broken, "U4,�,2025-01-01,,"]


def test_a_line_too_long_for_the_reader_is_rejected_alone(bronze: Bronze) -> None:
    cell = "x" * (33 << 20)
    lines = [HEADER, _good(1), f"X,{cell},P,1,1,1,0", f'Y,"{cell}",P,1,1,1,0', _good(2)]
    bronze.put("sales/transaction_items.csv", "\n".join(lines) + "\n")
    assert bronze.load_one().rows_loaded == 2
    reason = "the line is longer than two million characters"
    assert [(line, errors[0]["reason"], raw) for line, _, errors, raw in bronze.rejects()] == [
        (3, reason, lines[2]),
        (4, reason, lines[3]),
    ]


def test_a_return_by_itself_ends_a_line(bronze: Bronze) -> None:
    lines = [_good(number) for number in range(80)]
    text = "\n".join([HEADER, *lines]) + f"\nX,T,P\r,1,1,1,0\n{_good(80)}\r{_good(81)}\r\n"
    bronze.put("sales/transaction_items.csv", text)
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded) == (84, 82)
    assert [(line, raw) for line, *_, raw in bronze.rejects()] == [(82, "X,T,P"), (83, ",1,1,1,0")]


@pytest.mark.parametrize("many", [50_000, 0])
@pytest.mark.parametrize(
    "header",
    [
        "supplier_id,supplier_name",
        " Supplier_ID,supplier_Name ",
        "Supplier ID,Supplier-Name",
        "\ufeffsupplier_id,supplier_name",
    ],
)
def test_a_header_between_the_rows_is_no_row(
    bronze: Bronze, monkeypatch: pytest.MonkeyPatch, header: str, many: int
) -> None:
    """A header is repeated, for example, if somebody put two exports into one file."""
    monkeypatch.setattr("c360_dagster.loading.csv_text.MANY_REJECTS", many)
    bronze.put("products/suppliers.csv", f"{header}\nS1,a\n{header}\nS2,supplier_name\n")
    bronze.load_one("suppliers")
    assert bronze.ids("suppliers") == ["S1", "S2"]
    errors = [{"column": None, "reason": "the header is repeated here"}]
    assert bronze.rejects() == [(3, "row", errors, header)]


def test_very_many_short_lines_are_kept_from_the_reader(
    bronze: Bronze, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would take the reader as long as a hundred good lines, and a kilobyte per column."""
    kept: list[tuple[int, ...]] = []

    def look(con: duckdb.DuckDBPyConnection, *rest: object) -> int | None:
        seen = read_records(con, *rest)  # type: ignore[arg-type]
        kept.append((seen, fetch_count(con, "select count(*) from reject_errors")) if seen else ())
        return seen

    read_records = csv_text._read_records
    monkeypatch.setattr(csv_text, "_read_records", look)
    lines = ["I,T" if number % 2 else _good(number) for number in range(120_000)]
    bronze.put("sales/transaction_items.csv", "\n".join([HEADER, *lines]) + "\n")
    load = bronze.load_one()
    assert (load.rows_loaded, load.rows_rejected) == (60_000, 60_000)
    assert kept == [(), (120_000, 0)]
    assert bronze.rows("select sum(_row % 2), max(_row) from bronze.transaction_items") == [
        (60_000, 119_999)
    ]
    assert bronze.rows("select min(line), max(line) from bronze.rejected_rows") == [(3, 120_001)]


def test_one_line_with_many_errors_is_one_row_with_a_list(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv", f"{HEADER}\nX,T1,P1,a,b,c,0\n")
    assert bronze.load_one().rows_rejected == 1
    ((_, kind, errors, _),) = bronze.rejects()
    assert kind == "row"
    assert [error["column"] for error in errors] == ["quantity", "unit_price", "line_total"]


def test_errors_that_reject_a_line_are_listed_first(bronze: Bronze) -> None:
    """The summary tells only the first reason, and mending it must be enough to load the line."""
    bronze.put(
        "customer/customers.csv",
        "customer_id,date_of_birth,registration_date\nC1,31/12/1990,01/02/2025\n",
    )
    assert bronze.load_one("customers").rows_rejected == 1
    ((_, _, errors, _),) = bronze.rejects()
    assert [error["column"] for error in errors] == ["registration_date", "date_of_birth"]


def test_an_unreadable_cell_that_is_not_essential_becomes_null_and_is_listed(
    bronze: Bronze,
) -> None:
    bronze.put(
        "customer/customers.csv",
        "customer_id,first_name,date_of_birth,registration_date\n"
        "C1,Ann,31.12.1990,2025-01-01 10:00:00\nC2,Bea,1990-12-31,2025-01-01 10:00:00\n",
    )
    load = bronze.load_one("customers")
    assert (load.rows_loaded, load.rows_rejected, load.cells_unreadable) == (2, 0, 1)
    assert bronze.rows(
        "select customer_id, first_name, date_of_birth::varchar, _row from bronze.customers "
        "order by _row"
    ) == [("C1", "Ann", None, 1), ("C2", "Bea", "1990-12-31", 2)]
    ((line, kind, errors, raw),) = bronze.rejects()
    assert (line, kind) == (2, "cell")
    assert errors == [
        {"column": "date_of_birth", "reason": "'31.12.1990' is not a day such as 2025-12-31"}
    ]
    assert raw.startswith("C1,Ann")


def test_an_empty_essential_cell_loads_and_is_counted(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv", f"{HEADER}\nI1,T1,P1,,1,,0\n")
    load = bronze.load_one()
    assert (load.rows_loaded, load.empty_essential_cells) == (1, 2)


def test_one_open_quote_in_a_million_lines_costs_one_line(bronze: Bronze) -> None:
    lines = [_good(number) for number in range(1_000_000)]
    lines[500_000] = lines[500_000].replace("P", '"P')
    bronze.put("sales/transaction_items.csv", "\n".join([HEADER, *lines]) + "\n")
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (1_000_000, 999_999, 1)
    assert [(line, raw) for line, _, _, raw in bronze.rejects()] == [(500_002, lines[500_000])]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_quote_within_a_cell_is_a_character(bronze: Bronze, ending: str) -> None:
    """People write 24 inches as 24". The lines after such a cell are read like any others."""
    lines = [_good(number) for number in range(100)]
    lines[20] = lines[20].replace("P6", 'Monitor 24"')
    lines[60] = lines[60].replace(",1,", ",1.5,")
    lines[80] = lines[80].replace("P3", '3" pipe').replace(",1,", ",2.5,")
    bronze.put("sales/transaction_items.csv", ending.join([HEADER, *lines]) + ending)
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (100, 98, 2)
    assert [(line, raw) for line, _, _, raw in bronze.rejects()] == [
        (number + 2, lines[number]) for number in (60, 80)
    ]
    (found,) = bronze.rows("select product_id from bronze.transaction_items where _row = 21")
    assert found == ('Monitor 24"',)


def test_a_quote_within_a_cell_stays_a_character_where_another_does_not_close(
    bronze: Bronze,
) -> None:
    lines = [HEADER, _good(1), _good(2).replace("P2", 'Monitor 24"'), _good(3)]
    lines += ['X,T1,"P1,2,1,1,0', _good(4).replace("P4", '3" pipe'), _good(5)]
    bronze.put("sales/transaction_items.csv", "\n".join(lines) + "\n")
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (6, 5, 1)
    assert [raw for _, _, _, raw in bronze.rejects()] == [lines[4]]


def test_a_repaired_file_names_the_lines_that_an_editor_shows(bronze: Bronze) -> None:
    """Line numbers stay right after empty lines, cells of several lines and lines taken out."""
    lines = [HEADER, "", *(_good(number) for number in range(20)), "", ""]
    lines += ['M,T1,"P\n1",1,1,1,0', 'X,T1,"P1,2,1,1,0', *(_good(n) for n in range(20, 40))]
    lines += [_good(40).replace(",1,", ",1.5,"), _good(41)]
    text = "\n".join(lines) + "\n"
    bronze.put("sales/transaction_items.csv", text)
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (44, 42, 2)
    numbered = {line: number for number, line in enumerate(text.split("\n"), 1)}
    assert [(line, raw) for line, _, _, raw in bronze.rejects()] == [
        (numbered[lines[-23]], lines[-23]),
        (numbered[lines[-2]], lines[-2]),
    ]


def test_a_tenth_of_the_lines_broken_leaves_the_others_whole(bronze: Bronze) -> None:
    broken = ["X", "X,1,2,3,4,5,6,7,8", "X,T,P,?,1,1,1", 'X,T,"P,1,1,1,0', "X,T,P,1,1,x,0"]
    lines = [
        broken[number // 10 % 5] if number % 10 == 0 else _good(number) for number in range(50_000)
    ]
    bronze.put("sales/transaction_items.csv", "\n".join([HEADER, *lines]) + "\n")
    load = bronze.load_one()
    assert (load.rows_read, load.rows_loaded, load.rows_rejected) == (50_000, 45_000, 5_000)
    assert bronze.rows("select line, raw from bronze.rejected_rows order by line") == [
        (number + 2, lines[number]) for number in range(0, 50_000, 10)
    ]
    assert bronze.rows(
        "select count(*), min(_row), max(_row), "
        "count(*) filter (item_id <> 'I' || lpad((_row - 1)::varchar, 7, '0')) "
        "from bronze.transaction_items"
    ) == [(45_000, 2, 50_000, 0)], "every row knows which record it was"


def test_times_are_local_as_written_and_offsets_are_converted(bronze: Bronze) -> None:
    bronze.con.execute("set timezone = 'Europe/Berlin'")
    times = [
        "2025-07-01 10:00:00",
        "2025-07-01T10:00:00Z",
        "2025-07-01 10:00:00-05:00",
        "2025-07-01 10:00:00 +0200",
        "2025-07-01 10:00:00 UTC",
        "2025-07-01 10:00z",
        "2025-07-01",
        "2025-03-30 02:30:00",
    ]
    rows = "".join(f"U{number},C1,{time}\n" for number, time in enumerate(times))
    bronze.put("customer/app_usage.csv", "usage_id,customer_id,session_start\n" + rows)
    bronze.load_one("app_usage")
    assert [
        row[0]
        for row in bronze.rows("select session_start::varchar from bronze.app_usage order by _row")
    ] == [
        "2025-07-01 10:00:00",
        "2025-07-01 12:00:00",
        "2025-07-01 17:00:00",
        "2025-07-01 10:00:00",
        "2025-07-01 12:00:00",
        "2025-07-01 12:00:00",
        "2025-07-01 00:00:00",
        "2025-03-30 02:30:00",
    ]


@pytest.mark.parametrize("first", ["2025-07-01 10:00:00", "2025-07-01 10:00:00+02:00"])
def test_text_after_a_time_is_never_ignored(bronze: Bronze, first: str) -> None:
    """DuckDB would ignore "PM" and every name of a zone, and take 31-12-25 for a day in year 31."""
    doubtful = [
        "2025-12-31 11:59:59 PM",
        "2025-12-31 10:00:00 Europe/Berlin",
        "2025-12-31 10:00:00 EST",
        "2025-12-31 10:00:00+14:00:00",
        "2025-12-31 25:00:00",
        "31-12-25",
        "05/06/25 10:00",
    ]
    rows = [f"U,C,{first},2025-12-31\n" * 60, *(f"U,C,{t},2025-12-31\n" for t in doubtful)]
    rows.append(f"U,C,{first},31-12-25\n")
    header = "usage_id,customer_id,session_start,session_date\n"
    bronze.put("customer/app_usage.csv", header + "".join(rows))
    assert bronze.load_one("app_usage").rows_loaded == 61
    reasons = [error["reason"] for _, _, errors, _ in bronze.rejects() for error in errors]
    assert [reason.partition("' is not a ")[0][1:] for reason in reasons] == [
        *doubtful,
        "31-12-25",
    ]


@pytest.mark.parametrize("first", ["2025-07-01 10:00:00", "2025-07-01 10:00:00+02:00"])
def test_a_time_means_the_same_whatever_times_stand_beside_it(bronze: Bronze, first: str) -> None:
    """Some programs leave out leading zeros, as in the time 9:5:3."""
    lines = [f"U1,C,{first}", "U2,C,2025-7-1 9:5:3", "U3,C,2025-07-01 9:05"]
    bronze.put("customer/app_usage.csv", "\n".join(["usage_id,customer_id,session_start", *lines]))
    assert bronze.load_one("app_usage").rows_loaded == len(lines)
    times = bronze.rows("select session_start::varchar from bronze.app_usage where _row > 1")
    assert sorted(times) == [("2025-07-01 09:05:00",), ("2025-07-01 09:05:03",)]


@pytest.mark.parametrize("time", ["2025-01-01", "2025-01-01T10:00:00Z", "01.01.2025 10:00"])
def test_a_large_file_with_another_form_of_times_loses_nothing(bronze: Bronze, time: str) -> None:
    count = 200_000
    lines = "".join(f"U{number},C1,{time}\n" for number in range(count))
    bronze.put("customer/app_usage.csv", "usage_id,customer_id,session_start\n" + lines)
    load = bronze.load_one("app_usage")
    expected = 0 if "01.01" in time else count
    assert (load.rows_read, load.rows_loaded) == (count, expected)


def test_half_of_a_large_file_broken_is_listed_whole(bronze: Bronze) -> None:
    # In a file of this length, DuckDB 2.0 loses rejects near the end when it reads in parallel.
    lines = [_good(n) if n % 2 else _good(n).replace(",1,", ",?,") for n in range(400_000)]
    bronze.put("sales/transaction_items.csv", "\n".join([HEADER, *lines]) + "\n")
    load = bronze.load_one()
    assert (load.rows_loaded, load.rows_rejected) == (200_000, 200_000)


@pytest.mark.parametrize(
    ("column", "last"), [("date_of_birth", ""), ("registration_date", " 00:00:00")]
)
def test_days_and_times_lie_in_the_calendar(bronze: Bronze, column: str, last: str) -> None:
    """DuckDB would accept 'infinity' as a day, and whatever reads it later would stop the run."""
    times = ["2025-01-01", "infinity", "-infinity", "290000-01-01", "9999-12-31"]
    rows = {number: {"customer_id": f"C{number}", column: day} for number, day in enumerate(times)}
    names = ("customer_id", "registration_date", "date_of_birth")
    lines = [",".join(row.get(name, "2024-05-06") for name in names) for row in rows.values()]
    bronze.put("customer/customers.csv", "\n".join([",".join(names), *lines]) + "\n")
    bronze.load_one("customers")
    kept = [str(day) for (day,) in bronze.rows(f"select {column} from bronze.customers") if day]
    assert sorted(kept) == [f"2025-01-01{last}", f"9999-12-31{last}"]
    reasons = [error["reason"] for _, _, errors, _ in bronze.rejects() for error in errors]
    assert [reason.partition(" is not a ")[0] for reason in reasons] == [
        f"'{t}'" for t in times[1:4]
    ]


def test_whole_numbers_are_never_rounded(bronze: Bronze) -> None:
    rows = ["2.0", "2.00004", "999999999999", "-3", "1e2"]
    lines = "".join(f"I{n},T,P,{text},1,1,0\n" for n, text in enumerate(rows))
    bronze.put("sales/transaction_items.csv", f"{HEADER}\n{lines}")
    bronze.load_one()
    assert bronze.rows("select quantity from bronze.transaction_items order by _row") == [
        (2,),
        (999999999999,),
        (-3,),
        (100,),
    ]


def test_an_amount_with_more_decimals_than_bronze_keeps_is_rounded_and_counted(
    bronze: Bronze,
) -> None:
    prices = {
        "1.50006": "1.5001",
        "1.2345": "1.2345",
        "12.340000000000001": "12.3400",  # the last digits are a float's noise, so not counted
        "987654321098.00004": "987654321098.0000",
        " 2.00004 ": "2.0000",
        "": None,
    }
    lines = [f"I{n},T,P,1,{text},0.1234567,0" for n, text in enumerate(prices)]
    broken = "X,T,P,?,1.00005,1.00005,0"
    bronze.put("sales/transaction_items.csv", "\n".join([HEADER, *lines, broken]) + "\n")
    load = bronze.load_one()
    assert load.rows_rejected == 1
    assert bronze.rows(
        "select unit_price::varchar from bronze.transaction_items order by _row"
    ) == [(price,) for price in prices.values()]
    assert load.cells_rounded == 3 + len(prices)
    assert bronze.rows("select cells_rounded from bronze.load_log") == [(3 + len(prices),)]
    assert bronze.rejects()[0][0] == len(prices) + 2, "what is rounded is not listed"
