"""A landing folder and an empty warehouse, with the few functions that loading tests need."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from c360_dagster.loading.bronze import load_table
from c360_dagster.loading.load_log import FileLoad, LoadRun
from c360_dagster.loading.schema import create_bronze
from landing_contract import read_contract

ITEMS = (
    "item_id,transaction_id,product_id,quantity,unit_price,line_total,discount_applied\n"
    "I1,T1,P1,2,1.50,3.00,0.00\n"
    "I2,T1,P2,1,4.25,4.25,0.25\n"
    "I3,T2,P1,-1,1.50,-1.50,0.00\n"
)


@dataclass
class Bronze:
    landing: Path
    con: duckdb.DuckDBPyConnection
    run: LoadRun

    def put(self, name: str, content: str | bytes = ITEMS) -> Path:
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def load(self, table: str = "transaction_items") -> dict[str, FileLoad]:
        """Loads the table; returns the loads by file name.

        Each time it also checks that every record was loaded or rejected.
        """
        loads = load_table(self.con, self.landing, read_contract()[table], self.run).files
        for read, loaded, rejected in self.rows(
            "select rows_read, rows_loaded, rows_rejected from bronze.load_log"
        ):
            assert read == loaded + rejected
        return {load.name: load for load in loads}

    def load_one(self, table: str = "transaction_items") -> FileLoad:
        (load,) = self.load(table).values()
        return load

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.con.execute(query).fetchall()

    def ids(self, table: str = "transaction_items") -> list[str]:
        key = read_contract()[table].key[0]
        return [row[0] for row in self.rows(f"select {key} from bronze.{table} order by 1")]

    def rejects(self) -> list[tuple[Any, ...]]:
        return self.rows("select line, kind, errors, raw from bronze.rejected_rows order by line")


@contextmanager
def open_bronze(folder: Path) -> Iterator[Bronze]:
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    create_bronze(con, read_contract().values())
    run = LoadRun("test-run", lambda: datetime(2026, 1, 2, 3, 4, 5), folder / "scratch")
    yield Bronze(folder / "landing", con, run)
    con.close()
    left = list((folder / "scratch").glob("*")) if (folder / "scratch").exists() else []
    assert left == [], "scratch files stay behind"


@pytest.fixture
def bronze(tmp_path: Path) -> Iterator[Bronze]:
    with open_bronze(tmp_path) as opened:
        yield opened
