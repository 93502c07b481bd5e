"""The marks that show whether something changed: of loads, of rows, of files and libraries."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from c360_dagster.building import marks
from c360_dagster.building.computed import create_computed, replace_rows
from c360_dagster.building.marks import digest_sources, mark_sources
from c360_dagster.loading.schema import create_bronze
from landing_contract import read_contract

RATES, FAMILIES, REDIRECTS = "bronze.rates", "bronze.product_families", "identity.redirects"
LOAD = (
    "insert into bronze.load_log (path, table_name, checksum, status, run_id) "
    "values ('channels/rates.csv', 'rates', 'one', ?, ?)"
)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        create_bronze(con, (read_contract()[name] for name in ("rates", "product_families")))
        create_computed(con)
        yield con


def mark(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return mark_sources(con, [RATES, FAMILIES, REDIRECTS, "bronze.nowhere"])


def differing(con: duckdb.DuckDBPyConnection, before: dict[str, str]) -> set[str]:
    return {name for name, known in mark(con).items() if before[name] != known}


@pytest.mark.parametrize(
    ("status", "run", "is_other"),
    [("loaded", "one", True), ("loaded", "two", True), ("unreadable", "two", False)],
)
def test_a_table_of_bronze_is_known_by_the_loads_that_it_holds(
    con: duckdb.DuckDBPyConnection, status: str, run: str, *, is_other: bool
) -> None:
    """A new load changes the mark even if the table has the same size and content as before."""
    if run == "two":
        con.execute(LOAD, ["loaded", "one"])
    before = mark(con)
    assert before.keys() == {RATES, FAMILIES, REDIRECTS}
    con.execute(LOAD, [status, run])
    assert differing(con, before) == ({RATES} if is_other else set())


@pytest.mark.parametrize(
    "change", ["insert into bronze.rates (currency) values ('EUR')",
               "alter table bronze.rates alter column rate type double"],
)  # fmt: skip
def test_a_manual_change_of_a_bronze_table_is_noticed(
    con: duckdb.DuckDBPyConnection, change: str
) -> None:
    before = mark(con)
    con.execute(change)
    assert differing(con, before) == {RATES}


def test_a_table_that_python_writes_is_known_by_its_rows(con: duckdb.DuckDBPyConnection) -> None:
    def put(*pairs: tuple[str, str]) -> None:
        columns = ["from_id", "to_id"]
        replace_rows(con, REDIRECTS, pl.DataFrame(pairs, schema=columns, orient="row"))

    put(("c2", "c1"), ("c3", "c1"))
    before = mark(con)
    put(("c3", "c1"), ("c2", "c1"))
    assert differing(con, before) == set()
    put(("c2", "c1"), ("c4", "c1"))
    assert differing(con, before) == {REDIRECTS}


@pytest.mark.parametrize("what", ["a name", "what is in one", "a library"])
def test_files_are_known_by_their_names_what_they_hold_and_what_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    file = tmp_path / "model.sql"
    file.write_text("select 1")
    (tmp_path / "other.sql").write_text("select 2")

    def tell() -> str:
        files = [*tmp_path.iterdir()]
        told = digest_sources(tmp_path, files, ["duckdb"])
        assert told == digest_sources(tmp_path, reversed(files), ["duckdb"])
        return told

    before = tell()
    if what == "a name":
        file.rename(tmp_path / "models.sql")
    elif what == "what is in one":
        file.write_text("select 3")
    else:
        monkeypatch.setattr(marks, "version", lambda _: "9.9")
    assert tell() != before
