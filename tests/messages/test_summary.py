"""A run's last words, on a handmade warehouse; test_commands.py has those of real runs."""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from c360_dagster.loading.schema import create_bronze
from c360_dagster.messages.summary import LONGEST_LIST, summarise_run
from c360_dagster.settings import Settings, read_settings

REJECTED = (
    "6 rows were rejected and 3 cells left empty, each listed with its line and reason in "
    "bronze.rejected_rows:"
)
FOUND = (
    "  ids_are_known: id C7, orders 1000, and 1,000 more; look at them with: "
    "select * from test_failures.ids_are_known"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "landing" / "sales").mkdir(parents=True)
    return read_settings({"C360_HOME": str(tmp_path)})


@pytest.fixture
def con(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(settings.warehouse)) as con:
        create_bronze(con, [])
        yield con


def log(
    con: duckdb.DuckDBPyConnection,
    path: str,
    status: str,
    message: str | None = None,
    rows: tuple[int, int, int] = (0, 0, 0),
) -> None:
    con.execute(
        "insert into bronze.load_log (path, status, message, rows_loaded, rows_rejected, "
        "cells_unreadable) values (?, ?, ?, ?, ?, ?)",
        [path, status, message, *rows],
    )


def reject(con: duckdb.DuckDBPyConnection, path: str, line: int, kind: str, reason: str) -> None:
    con.execute(
        "insert into bronze.rejected_rows (path, line, kind, errors) "
        "values (?, ?, ?, [{'column': 'c', 'reason': ?}])",
        [path, line, kind, reason],
    )


def summarise(
    settings: Settings, con: duckdb.DuckDBPyConnection, *, has_failed: bool = False
) -> list[str]:
    con.close()
    return summarise_run(settings, has_failed=has_failed).splitlines()


def test_the_summary_lists_files_of_bronze_with_the_first_reason(
    settings: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    plain, odd, bad, gone, again = (
        f"sales/transactions{each}.csv" for each in ("", "_o", "_b", "_g", "_a")
    )
    log(con, plain, "loaded", None, (1000, 1, 0))
    log(con, odd, "loaded", "o: is it of 2025?", (1000, 2, 1))
    log(con, gone, "loaded", None, (1000, 3, 2))
    log(con, again, "repeated", "a: has what another has.")
    log(con, bad, "refused", "b: no header.")
    log(con, gone, "refused", "g: no header, and it has been taken away.")
    for path in (odd, bad, again):
        (settings.landing / path).touch()
    reject(con, odd, 9, "row", "later")
    reject(con, odd, 3, "row", "first")
    reject(con, odd, 7, "cell", "no day")
    reject(con, plain, 5, "row", "no number")
    assert summarise(settings, con) == [
        "Bronze holds 3,000 rows from 3 files.",
        REJECTED,
        "  sales/transactions.csv: 1 row, first in line 5: no number",
        "  sales/transactions_o.csv: 1 cell, first in line 7: no day",
        "  sales/transactions_o.csv: 2 rows, first in line 3: first",
        "Not loaded: b: no header.",
        "In doubt: o: is it of 2025?",
    ]


def test_a_refused_file_whose_name_is_not_utf_8_is_listed(
    settings: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    log(con, "sales/transactions_\N{REPLACEMENT CHARACTER}.csv", "refused", "its name: rename it.")
    (settings.landing / os.fsdecode(b"sales/transactions_\xe4.csv")).touch()
    assert summarise(settings, con)[-1] == "Not loaded: its name: rename it."


def test_a_landing_that_is_not_mounted_is_asked_about(
    settings: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    log(con, "sales/transactions.csv", "loaded", None, (1, 0, 0))
    (settings.landing / "sales").rmdir()
    _, asked = summarise(settings, con)
    assert asked == f"{settings.landing} is empty: if it is on another disk, is that disk mounted?"


def test_empty_cells_are_reported_even_without_rejected_rows(
    settings: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    log(con, "sales/transactions.csv", "loaded", None, (1, 0, 1))
    reject(con, "sales/transactions.csv", 2, "cell", "no day")
    told = summarise(settings, con)
    assert told[1].startswith("No rows were rejected and 1 cell left empty, each listed")
    assert told[2:] == ["  sales/transactions.csv: 1 cell, first in line 2: no day"]


@pytest.mark.parametrize("files", [LONGEST_LIST, LONGEST_LIST + 1])
def test_only_lists_that_were_cut_say_so(
    settings: Settings, con: duckdb.DuckDBPyConnection, files: int
) -> None:
    log(con, "sales/a.csv", "loaded", None, (1, files, 0))
    for number in range(files):
        reject(con, f"sales/{number:02}.csv", 1, "row", "no number")
        (settings.landing / f"{number:02}.txt").touch()
    told = summarise(settings, con)
    assert sum(": 1 row, first" in line for line in told) == LONGEST_LIST
    assert sum(line.startswith("Not loaded: ") for line in told) == LONGEST_LIST
    assert [line for line in told if "…" in line] == [
        "  … and more: ask bronze.rejected_rows for all of them.",
        "  … and 1 more that belong to no table.",
    ][: 2 * (files - LONGEST_LIST)]


def fill_gold(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create schema gold")
    con.execute(
        "create table gold.publication as "
        "select date '2026-06-30' as as_of_date, 1200 as customers, 1 as orders"
    )
    con.execute(
        "create table gold.customer_identities as select unnest(['C1', 'C1', 'C2']) as customer_id"
    )
    con.execute("create table gold.identity_review as select 1 as pair")
    con.execute("create schema test_failures")
    con.execute("create table test_failures.nothing_wrong (id integer)")
    con.execute(
        "create table test_failures.ids_are_known as "
        "select 'C' || i as id, if(i = 7, 1000, 1) as orders from range(1, 1002) as t(i)"
    )


def test_the_summary_of_gold_has_identities_and_findings(
    settings: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    fill_gold(con)
    settings.published.mkdir()
    (settings.published / "report.html").touch()
    assert summarise(settings, con) == [
        "Bronze holds no rows from no files.",
        "Gold holds 1,200 customers and 1 order of every status as of 2026-06-30.",
        "3 records from all systems are 2 people; 1 pair to review in gold.identity_review.",
        "Checks that found rows; docs/reading-gold.md says what each means:",
        FOUND,
        f"The day on one page: {settings.published / 'report.html'}",
    ]


def test_the_summary_of_a_failed_run_has_only_its_load_and_checks(
    settings: Settings, con: duckdb.DuckDBPyConnection
) -> None:
    fill_gold(con)
    settings.published.mkdir()
    (settings.published / "report.html").touch()
    assert summarise(settings, con, has_failed=True)[1:] == [
        "Checks that found rows when they last ran; docs/reading-gold.md says what each means:",
        FOUND,
    ]


def test_the_summary_is_empty_without_bronze(settings: Settings) -> None:
    assert summarise_run(settings, has_failed=False) == ""
    duckdb.connect(str(settings.warehouse)).close()
    assert summarise_run(settings, has_failed=False) == ""
    settings.warehouse.write_bytes(b"no database" * 1000)
    assert summarise_run(settings, has_failed=True) == ""
    with pytest.raises(duckdb.Error):
        summarise_run(settings, has_failed=False)
