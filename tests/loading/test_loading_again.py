"""Each content is loaded exactly once, whatever happens to files between runs."""

import gzip
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c360_dagster.checks.loads import check_load
from c360_dagster.loading import bronze as loader
from c360_dagster.loading import csv_text, schema, writing
from c360_dagster.loading.content import read_chunks
from c360_dagster.loading.csv_text import LostRowsError, Reading
from c360_dagster.loading.files import match_name
from c360_dagster.loading.load_log import TableLoad, invalidate_other_zones
from c360_dagster.loading.unknown_files import explain_unknown_file, find_unknown_files
from landing_contract import Column, Table, read_contract
from tests.loading.conftest import ITEMS, Bronze, open_bronze

MORE = ITEMS.replace("I1", "J1").replace("I2", "J2").replace("I3", "J3")


def test_an_unchanged_file_is_not_read_again(
    bronze: Bronze, monkeypatch: pytest.MonkeyPatch
) -> None:
    bronze.put("sales/transaction_items.csv")
    bronze.load_one()
    monkeypatch.setattr(loader, "_read_file", lambda *_: pytest.fail("it was read"))
    assert bronze.load_one().status == "unchanged"


def make_old(path: Path) -> None:
    """Makes the file look as if nobody had written to it for a minute."""
    before = path.stat().st_mtime_ns - 60 * 10**9
    os.utime(path, ns=(before, before))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose bytes were read, in the order of reading."""
    names: list[str] = []

    def watch(path: Path) -> Iterator[bytes]:
        names.append(path.name)
        yield from read_chunks(path)

    monkeypatch.setattr("c360_dagster.loading.content.read_chunks", watch)
    return names


def test_an_unchanged_old_file_is_not_even_opened(bronze: Bronze, opened: list[str]) -> None:
    path = bronze.put("sales/transaction_items.csv")
    make_old(path)
    bronze.load_one()
    opened.clear()
    assert bronze.load_one().status == "unchanged"
    assert opened == []
    make_old(path)  # another time, as if somebody had copied the file over itself
    assert bronze.load_one().status == "unchanged"
    assert opened == [path.name]
    assert bronze.load_one().status == "unchanged"
    assert opened == [path.name], "and it is known again"


def test_a_file_that_was_just_written_is_read_again(bronze: Bronze) -> None:
    """A second version, written at once, could have the same time and size as the first."""
    path = bronze.put("sales/transaction_items.csv")
    written = path.stat().st_mtime_ns
    bronze.load_one()
    path.write_text(ITEMS.replace("I3", "I5"))
    os.utime(path, ns=(written, written))
    assert bronze.load_one().status == "loaded"
    assert bronze.ids() == ["I1", "I2", "I5"]


def test_another_file_of_the_same_size_and_time_is_read(bronze: Bronze) -> None:
    path = bronze.put("sales/transaction_items.csv")
    make_old(path)
    stamp = path.stat().st_mtime_ns
    bronze.load_one()
    other = bronze.put("sales/other.tmp", ITEMS.replace("I3", "I5"))
    os.utime(other, ns=(stamp, stamp))
    other.replace(path)
    assert bronze.load_one().status == "loaded"
    assert bronze.ids() == ["I1", "I2", "I5"]


def test_a_changed_file_replaces_its_own_rows_and_rejects(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items_b.csv", MORE)
    bronze.put("sales/transaction_items.csv", ITEMS + "I4\n")
    bronze.load()
    assert len(bronze.rejects()) == 1
    bronze.put("sales/transaction_items.csv", ITEMS.replace("I3", "I5"))
    bronze.load()
    assert bronze.ids() == ["I1", "I2", "I5", "J1", "J2", "J3"]
    assert bronze.rejects() == []


def test_a_file_that_disappears_keeps_its_rows(bronze: Bronze) -> None:
    path = bronze.put("sales/transaction_items.csv")
    bronze.load()
    path.unlink()
    assert bronze.load() == {}
    assert bronze.ids() == ["I1", "I2", "I3"]


def test_the_same_content_under_two_names_is_loaded_once(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv")
    bronze.put("sales/transaction_items_copy.csv")
    repeated = bronze.load()["sales/transaction_items_copy.csv"]
    assert repeated.status == "repeated"
    assert "sales/transaction_items.csv" in str(repeated.message)
    assert bronze.ids() == ["I1", "I2", "I3"]
    bronze.put("sales/transaction_items.csv", MORE)
    bronze.load()
    assert bronze.ids() == ["I1", "I2", "I3", "J1", "J2", "J3"], "now the copy is the only one"


def test_the_same_content_with_another_date_is_a_new_version(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items_2025-01-01.csv")
    bronze.put("sales/transaction_items_2025-01-02.csv")
    bronze.load()
    assert bronze.rows(
        "select count(*), count(distinct _known_at) from bronze.transaction_items"
    ) == [(6, 2)]


def test_a_file_that_goes_bad_keeps_what_it_had(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv")
    bronze.load()
    bronze.put("sales/transaction_items.csv", "")
    assert bronze.load_one().status == "refused"
    assert bronze.ids() == ["I1", "I2", "I3"]


def test_a_failure_in_the_middle_of_a_file_leaves_the_earlier_version(
    bronze: Bronze, monkeypatch: pytest.MonkeyPatch
) -> None:
    bronze.put("sales/transaction_items.csv")
    bronze.load()
    bronze.put("sales/transaction_items.csv", MORE)
    with monkeypatch.context() as broken:
        broken.setattr(writing, "write_log", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            bronze.load()
    assert bronze.ids() == ["I1", "I2", "I3"]
    bronze.load()
    assert bronze.ids() == ["J1", "J2", "J3"]


def test_a_file_replaced_while_it_is_read_waits_for_the_next_run(
    bronze: Bronze, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bronze.put("sales/transaction_items.csv")
    read = loader._read_file

    def read_and_replace(*arguments: object) -> object:
        reading = read(*arguments)  # type: ignore[arg-type]
        path.write_text(MORE * 2)
        return reading

    with monkeypatch.context() as meddling:
        meddling.setattr(loader, "_read_file", read_and_replace)
        assert "replaced while it was read" in str(bronze.load_one().message)
    assert bronze.ids() == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("transactions.csv", (".csv", None)),
        ("transactions_2025-01-31.csv", (".csv", date(2025, 1, 31))),
        ("transactions_2025-01-31 b.csv.gz", (".csv.gz", date(2025, 1, 31))),
        ("transactions_may.parquet", (".parquet", None)),
        ("transactions_2025-02-31.csv", (".csv", None)),
        ("transactions.xlsx", None),
        ("transactions2.csv", None),
        ("transaction_items.csv", None),
    ],
)
def test_file_names_give_the_table_and_the_day(name: str, expected: object) -> None:
    assert match_name(name, read_contract()["transactions"]) == expected


@pytest.mark.parametrize(
    ("name", "doubted"),
    [
        ("transactions.csv", None),
        ("transactions_may.csv", None),
        ("transactions_till 4711.csv", None),
        ("transactions_2025-01-31 of 31.01.2025.csv", None),
        ("transactions_2026-11-31.csv", "2026-11-31"),
        ("transactions_2025-02-30 b.csv.gz", "2025-02-30"),
        ("transactions_2026-1-5.csv", "2026-1-5"),
        ("transactions_20261121.parquet", "20261121"),
        ("transactions_20261121093000.csv", "20261121093000"),
        ("transactions_31.12.2025.csv", "31.12.2025"),
        ("transactions_shop_2025-06-30.csv", "2025-06-30"),
    ],
)
def test_a_file_with_an_impossible_day_in_its_name_loads_with_a_warning(
    bronze: Bronze, name: str, doubted: str | None
) -> None:
    """Days are read only from the name, so the content of any table will do."""
    name = name.replace("transactions", "transaction_items")
    if name.endswith(".parquet"):
        pl.read_csv(ITEMS.encode()).write_parquet(bronze.put(f"sales/{name}"))
    else:
        bronze.put(f"sales/{name}", gzip.compress(ITEMS.encode()) if ".gz" in name else ITEMS)
    first, again = bronze.load_one(), bronze.load_one()
    assert (first.status, again.status) == ("loaded", "unchanged")
    assert first.message == again.message
    assert bronze.rows("select message from bronze.load_log") == [(first.message,)]
    table = read_contract()["transaction_items"]
    for load in (first, again):
        _, arrival, _ = check_load(bronze.con, table, TableLoad(table.name, [load]))
        assert arrival.passed is (doubted is None)
        assert doubted is None or load.message == arrival.description
    if doubted:
        assert f"sales/{name}: loaded" in str(first.message)
        assert f"'{doubted}' in its name is not a day" in str(first.message)


@pytest.mark.parametrize(("rows", "asked"), [(65_534, ""), (65_535, "it has exactly 65,536 lines")])
def test_a_file_as_long_as_a_spreadsheet_loads_with_a_warning(
    bronze: Bronze, rows: int, asked: str
) -> None:
    header, row, *_ = ITEMS.splitlines()
    bronze.put("sales/transaction_items.csv", "\n".join([header, *[row] * rows]))
    first, again = bronze.load_one(), bronze.load_one()
    assert (first.rows_loaded, again.status) == (rows, "unchanged")
    assert first.message == again.message
    assert bool(first.message) == bool(asked)
    assert asked in str(first.message)


def test_a_file_renamed_after_leaving_a_header_only_copy_has_its_new_day(bronze: Bronze) -> None:
    """The warning about a doubtful day advises just that."""
    bronze.put("sales/transaction_items_20250630.csv")
    bronze.load()
    bronze.put("sales/transaction_items_2025-06-30.csv")
    bronze.put("sales/transaction_items_20250630.csv", ITEMS.splitlines()[0])
    for _ in "once", "again":
        doubts = [load.message for load in bronze.load().values() if load.message]
        assert not doubts, "of what was advised and done"
    assert bronze.ids() == ["I1", "I2", "I3"]
    known = "select distinct _known_at::varchar from bronze.transaction_items"
    assert bronze.rows(known) == [("2025-06-30",)]


def test_files_of_no_table_are_found(tmp_path: Path) -> None:
    for name in (
        "sales/transactions.csv",
        "sales/transacions.csv",
        "readme.txt",
        ".simulated.json",
        "sales/Thumbs.db",
        "desktop.ini",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert find_unknown_files(tmp_path, read_contract()) == ["readme.txt", "sales/transacions.csv"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "sales/Transactions.csv",
            ": upper and lower case matter, so call it sales/transactions.csv.",
        ),
        (
            "Sales/transactions.csv",
            ": upper and lower case matter, so call it sales/transactions.csv.",
        ),
        (
            "sales/transacions_2025-01-31.csv.gz",
            ": did you mean sales/transactions_2025-01-31.csv.",
        ),
        ("sales/transactions2.csv", ": did you mean sales/transactions_2.csv? Then call it that."),
        (
            "sales/transactions (2).csv",
            ": did you mean sales/transactions_2.csv? Then call it that",
        ),
        (
            "sales/transactions_2025-01-31.csv.bak",
            ": did you mean sales/transactions_2025-01-31.csv?",
        ),
        (
            "sales/transactions.csv.gz.part",
            ": it seems to be still on its way, and loads once it is called sales/transactions.csv",
        ),
        ("transactions.csv", ": did you mean sales/transactions.csv?"),
        ("products/customers_may.parquet", ": did you mean customer/customers_may.parquet?"),
        ("sales/transactions.txt", ": did you mean sales/transactions.csv?"),
        (
            "customer/customers.xlsx",
            ": did you mean customer/customers.csv? Then save it as CSV under that name.",
        ),
        ("sales/orders.csv", ": docs/your-own-data.md says how each table's files are named."),
    ],
)
def test_a_misspelt_file_gets_a_suggested_name(name: str, said: str) -> None:
    assert explain_unknown_file(name, read_contract()).startswith(
        f"{name} belongs to no table{said}"
    )


def test_a_file_that_becomes_a_copy_of_another_gives_its_rows_up(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv")
    bronze.put("sales/transaction_items_b.csv", MORE)
    bronze.load()
    bronze.put("sales/transaction_items_b.csv", ITEMS)
    assert bronze.load()["sales/transaction_items_b.csv"].status == "repeated"
    assert bronze.ids() == ["I1", "I2", "I3"]
    table = read_contract()["transaction_items"]
    accounting = next(check_load(bronze.con, table, TableLoad(table.name)))
    assert accounting.passed, accounting.description
    bronze.put("sales/transaction_items_b.csv", MORE)
    bronze.load()
    assert bronze.ids() == ["I1", "I2", "I3", "J1", "J2", "J3"]


def test_files_that_pass_their_contents_to_the_next_name_lose_nothing(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items_1old.csv", ITEMS)
    bronze.put("sales/transaction_items_2new.csv", MORE)
    bronze.load()
    newest = ITEMS.replace("I", "K")
    bronze.put("sales/transaction_items_1old.csv", MORE)
    bronze.put("sales/transaction_items_2new.csv", newest)
    assert {load.status for load in bronze.load().values()} == {"loaded"}
    assert bronze.ids() == ["J1", "J2", "J3", "K1", "K2", "K3"]


def test_files_that_change_places_keep_both_contents(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items_a.csv", ITEMS)
    bronze.put("sales/transaction_items_b.csv", MORE)
    bronze.load()
    bronze.put("sales/transaction_items_a.csv", MORE)
    bronze.put("sales/transaction_items_b.csv", ITEMS)
    assert [load.status for load in bronze.load().values()] == ["loaded", "loaded"]
    query = "select distinct _file, item_id[1] from bronze.transaction_items order by all"
    assert bronze.rows(query) == [
        ("sales/transaction_items_a.csv", "J"),
        ("sales/transaction_items_b.csv", "I"),
    ]
    assert {load.status for load in bronze.load().values()} == {"unchanged"}


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(*[st.sampled_from("ABCD")] * 4), min_size=2, max_size=5))
def test_bronze_holds_each_content_once_however_files_change(
    tmp_path_factory: pytest.TempPathFactory, days: list[tuple[str, ...]]
) -> None:
    table = read_contract()["transaction_items"]
    with open_bronze(tmp_path_factory.mktemp("walk")) as bronze:
        for day in days:
            for number, content in enumerate(day):
                name = f"sales/transaction_items_f{number}.csv"
                bronze.put(name, ITEMS.replace("I", content))
            bronze.load()
            assert bronze.ids() == [f"{each}{n}" for each in sorted({*day}) for n in (1, 2, 3)]
            accounting = next(check_load(bronze.con, table, TableLoad(table.name)))
            assert accounting.passed, accounting.description


def test_a_copy_is_not_loaded_when_its_original_goes_bad(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv")
    bronze.put("sales/transaction_items_copy.csv")
    bronze.load()
    bronze.put("sales/transaction_items.csv", "")
    bronze.load()
    assert bronze.ids() == ["I1", "I2", "I3"]


def test_a_copy_loads_in_the_run_in_which_its_original_changes(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items_z.csv")
    bronze.load()
    bronze.put("sales/transaction_items_a.csv")
    bronze.put("sales/transaction_items_z.csv", MORE)
    bronze.load()
    assert bronze.ids() == ["I1", "I2", "I3", "J1", "J2", "J3"]


def test_a_file_restored_after_a_refusal_is_no_longer_called_refused(bronze: Bronze) -> None:
    for content in (ITEMS, "", ITEMS):
        bronze.put("sales/transaction_items.csv", content)
        bronze.load()
    assert bronze.load_one().status == "unchanged"
    assert bronze.rows("select status from bronze.load_log order by rowid") == [
        ("loaded",),
        ("refused",),
        ("restored",),
    ]


def test_a_link_to_nowhere_and_a_damaged_parquet_are_refused(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv")
    (bronze.landing / "sales" / "transaction_items_link.csv").symlink_to("nowhere.csv")
    whole = bronze.landing / "sales" / "transaction_items_p.parquet"
    header = ITEMS.split("\n", maxsplit=1)[0]
    frame = pl.DataFrame({name: ["1"] * 5000 for name in header.split(",")})
    frame.write_parquet(whole, compression="uncompressed")
    content = bytearray(whole.read_bytes())
    content[20:200] = b"\xff" * 180
    whole.write_bytes(content)
    tables = [read_contract()["transaction_items"]]
    (loaded,) = loader.load_tables(bronze.con, bronze.landing, tables, bronze.run)
    loads = {load.name: load for load in loaded.files}
    assert loads["sales/transaction_items_link.csv"].status == "refused"
    assert loads["sales/transaction_items_p.parquet"].status == "refused"
    assert bronze.ids() == ["I1", "I2", "I3"]


@pytest.mark.parametrize(
    "problem",
    [
        duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate data"),
        duckdb.IOException('IO Error: Could not write file "spill": No space left on device'),
    ],
)
def test_a_machine_without_room_to_read_a_parquet_file_does_not_blame_the_file(
    bronze: Bronze, problem: duckdb.Error
) -> None:
    class FullMachine:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever the connection has
            return getattr(bronze.con, name)

        def execute(self, query: str, *values: object) -> duckdb.DuckDBPyConnection:
            if query.startswith("create or replace temporary table texts"):
                raise problem
            return bronze.con.execute(query, *values)

    path = bronze.put("sales/transaction_items.parquet", "")
    pl.read_csv(ITEMS.encode()).write_parquet(path)
    table = read_contract()["transaction_items"]
    with pytest.raises(type(problem), match=str(problem)):
        loader.load_table(FullMachine(), bronze.landing, table, bronze.run)  # type: ignore[arg-type]
    assert bronze.load_one().status == "loaded", "once there is room"


def test_a_load_that_would_lose_a_record_is_undone_and_names_the_file(
    bronze: Bronze, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count_one_more(*arguments: Any) -> Reading:  # noqa: ANN401  the reader's own
        reading = csv_text.read_text(*arguments)
        return replace(reading, records=reading.records + 1)

    bronze.put("sales/transaction_items.csv")
    file = r"^sales/transaction_items\.csv: "
    with monkeypatch.context() as patch:
        patch.setattr(loader, "read_text", count_one_more)
        with pytest.raises(LostRowsError, match=file + "4 .* 3 loaded and 0 rejected: nothing of"):
            bronze.load_one()
    with monkeypatch.context() as patch:
        patch.setattr(csv_text, "_read_records", lambda *_: 2)
        with pytest.raises(LostRowsError, match=file + "3 .* and 2 were read: nothing of"):
            bronze.load_one()
    assert bronze.ids() == []
    assert bronze.load_one().rows_loaded == 3


def test_a_large_file_is_compressed_and_written_once(bronze: Bronze, tmp_path: Path) -> None:
    header = ITEMS.split("\n", maxsplit=1)[0]
    lines = "".join(
        f"I{n:09},T{n // 3:09},P{n % 7:04},1,12.50,12.50,0.00\n" for n in range(1_000_000)
    )
    bronze.put("sales/transaction_items.csv", f"{header}\n{lines}")
    table = read_contract()["transaction_items"]
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), config={"threads": 2}) as con:
        schema.create_bronze(con, [table])
        loader.load_table(con, bronze.landing, table, bronze.run)
        con.execute("checkpoint")
        used, free = con.execute(
            "select used_blocks, free_blocks from pragma_database_size()"
        ).fetchall()[0]
        wrong = con.execute(
            "select count(*) from bronze.transaction_items "
            "where item_id <> 'I' || lpad((_row - 1)::varchar, 9, '0')"
        ).fetchone()
    assert free < used / 3, "what the checkpoint writes again leaves free blocks behind"
    assert wrong == (0,), "in whatever order rows are written, each knows its record"


def _change_contract(table: Table, **types: str) -> Table:
    """Returns the table's contract with these types; an unknown name becomes a new column."""
    kept = [replace(c, type=types.pop(c.name, c.type)) for c in table.columns]
    return replace(table, columns=(*kept, *(Column(n, t, "new") for n, t in types.items())))


def test_a_column_that_the_contract_gains_reaches_the_table(bronze: Bronze) -> None:
    bronze.put("sales/transaction_items.csv")
    bronze.load()
    header, rows = ITEMS.split("\n", maxsplit=1)
    rows = rows.replace("I", "J").replace("\n", ",red\n")
    bronze.put("sales/transaction_items_b.csv", f"{header},Colour\n{rows}")
    table = _change_contract(read_contract()["transaction_items"], Colour="varchar")
    for name in ("cells_rounded", "timezone"):
        bronze.con.execute(f"alter table bronze.load_log drop column {name}")
    for _ in range(2):
        schema.create_bronze(bronze.con, [table])
        loader.load_table(bronze.con, bronze.landing, table, bronze.run)
    assert bronze.rows(
        "select colour, count(*), max(_row) from bronze.transaction_items group by 1 order by 1"
    ) == [("red", 3, 3), (None, 3, 3)]
    assert bronze.rows("select unknown_columns from bronze.load_log") == [([],), ([],)]


def test_a_column_that_was_left_out_is_filled_once_the_contract_has_it(bronze: Bronze) -> None:
    header, rows = ITEMS.split("\n", maxsplit=1)
    rows = rows.replace("\n", ",red\n")
    bronze.put("sales/transaction_items.csv", f"{header},Colour\n{rows}")
    bronze.put("sales/transaction_items_b.csv", MORE)
    assert [load.unknown_columns for load in bronze.load().values()] == [("Colour",), ()]
    table = _change_contract(read_contract()["transaction_items"], colour="varchar")
    loads = []
    for _ in range(2):
        schema.create_bronze(bronze.con, [table])
        loads.append(loader.load_table(bronze.con, bronze.landing, table, bronze.run).files)
    assert [[load.status for load in files] for files in loads] == [
        ["loaded", "unchanged"],
        ["unchanged", "unchanged"],
    ]
    query = "select colour, count(*) from bronze.transaction_items group by 1 order by 1"
    assert bronze.rows(query) == [("red", 3), (None, 3)]


def test_another_time_zone_reloads_the_files_in_landing(bronze: Bronze) -> None:
    """Otherwise half of the times would silently be in one zone and half in the other."""
    sessions = "usage_id,customer_id,session_start\nU{0},C1,2025-07-01 02:00:00Z\n"
    bronze.put("customer/app_usage.csv", sessions.format(1))
    bronze.put("customer/app_usage_copy.csv", sessions.format(1))
    gone = bronze.put("customer/app_usage_gone.csv", sessions.format(2))
    bronze.load("app_usage")
    gone.unlink()
    assert invalidate_other_zones(bronze.con) == []
    bronze.con.execute("set timezone = 'America/New_York'")
    assert invalidate_other_zones(bronze.con) == ["UTC"]
    for statuses in (["loaded", "repeated"], ["unchanged", "repeated"]):
        assert [load.status for load in bronze.load("app_usage").values()] == statuses
        assert invalidate_other_zones(bronze.con) == [], "it is said once"
    assert bronze.rows(
        "select usage_id, session_start::varchar from bronze.app_usage order by 1"
    ) == [
        ("U1", "2025-06-30 22:00:00"),
        ("U2", "2025-07-01 02:00:00"),
    ]


def test_a_contract_that_changes_otherwise_says_what_to_do(bronze: Bronze) -> None:
    items = read_contract()["transaction_items"]
    shorter = replace(items, columns=items.columns[:-1])
    with pytest.raises(schema.ContractChangedError, match="discount_applied is only there"):
        schema.create_bronze(bronze.con, [shorter])
    with pytest.raises(schema.ContractChangedError) as raised:
        schema.create_bronze(bronze.con, [_change_contract(items, quantity="decimal(18,2)")])
    said = str(raised.value)
    assert "bronze.transaction_items" in said
    assert "quantity is BIGINT there and DECIMAL(18,2) in the contract" in said
    assert "make refresh" in said
    assert "dbt_c360/models/sources/sales.yml" in said
