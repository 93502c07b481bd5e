"""Tables loaded at the same time get the same rows as one by one; a failure harms no other."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from c360_dagster.loading import bronze as loader
from c360_dagster.loading import schema
from c360_dagster.loading.csv_text import LostRowsError
from c360_dagster.loading.load_log import LoadRun, TableLoad
from c360_dagster.resources.warehouse import Warehouse
from landing_contract import Table, read_contract
from mock_data import generate

RUN_DAY = datetime(2026, 1, 2, 3, 4, 5)


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated landing with broken lines, other line ends, workbooks and time offsets in it."""
    home = tmp_path_factory.mktemp("retailer")
    generate(home, customers=120, seed=7, start=date(2026, 1, 1), end=date(2026, 2, 28))
    return home / "landing"


@contextmanager
def load_all(landing: Path, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    warehouse = Warehouse(
        path=str(folder / "warehouse.duckdb"), timezone="Asia/Tokyo", scratch=str(folder)
    )
    run = LoadRun("test-run", lambda: RUN_DAY, folder / "loads")
    tables = read_contract().values()
    with warehouse.connect() as con:
        schema.create_bronze(con, tables)
        loads = [load.table for load in loader.load_tables(con, landing, tables, run)]
        assert sorted(loads) == sorted(table.name for table in tables)
        yield con


def read_all(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Returns every row of bronze, with the log of loads and the rejects, sorted."""
    logs = {name: f"from bronze.{name}" for name in ("load_log", "rejected_rows")}
    rows = {table: f'from bronze."{table}"' for table in read_contract()}
    return {
        name: con.execute(f"{query} order by all").fetchall()
        for name, query in (logs | rows).items()
    }


def test_tables_side_by_side_hold_what_they_hold_one_after_another(
    landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with load_all(landing, tmp_path / "beside") as con:
        beside = read_all(con)
    monkeypatch.setattr(loader, "LARGE", 0)
    with load_all(landing, tmp_path / "alone") as con:
        alone = read_all(con)
    assert beside == alone
    assert beside["rejected_rows"]
    assert beside["transactions"]


def test_times_with_an_offset_are_converted_to_the_retailers_zone(tmp_path: Path) -> None:
    table = read_contract()["transactions"]
    header = ",".join(column.name for column in table.columns)
    cells = {"transaction_id": "T1", "transaction_date": "2026-01-01T22:00:00Z"}
    line = ",".join(cells.get(column.name, "") for column in table.columns)
    file = tmp_path / "landing" / table.folder / "transactions.csv"
    file.parent.mkdir(parents=True)
    file.write_text(f"{header}\n{line}\n")
    with load_all(tmp_path / "landing", tmp_path / "home") as con:
        (row,) = con.execute("select transaction_date from bronze.transactions").fetchall()
    assert row == (datetime(2026, 1, 2, 7),)


def test_a_table_that_fails_takes_no_other_with_it(
    landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_table = loader.load_table

    def lose_stores(
        con: duckdb.DuckDBPyConnection, landing: Path, table: Table, run: LoadRun
    ) -> TableLoad:
        if table.name == "transactions":
            raise LostRowsError("a row was lost")
        return load_table(con, landing, table, run)

    with monkeypatch.context() as patch:
        patch.setattr(loader, "load_table", lose_stores)
        with pytest.raises(LostRowsError), load_all(landing, tmp_path):
            pass
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        assert _count_loaded(con)["customers"] > 0
        assert "transactions" not in _count_loaded(con)
    with load_all(landing, tmp_path) as con:
        assert _count_loaded(con)["transactions"] > 0


def _count_loaded(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Returns the loaded rows by table, as the log has them, and checks that they are there."""
    told = dict(
        con.execute(
            "select table_name, sum(rows_loaded)::bigint from bronze.load_log "
            "where status = 'loaded' group by all"
        ).fetchall()
    )
    for table, rows in told.items():
        assert con.execute(f'select count(*) from bronze."{table}"').fetchone() == (rows,)
    return told
