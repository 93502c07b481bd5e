"""When a build continues the last finished one, and every reason to build everything instead."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from c360_dagster.building.changes import BuildRequest, begin_build, finish_build
from c360_dagster.building.marks import note_passes, read_marks
from c360_dagster.building.unpublished import find_changed, start_again
from c360_dagster.loading.bronze import load_table
from c360_dagster.loading.load_log import LoadRun, invalidate_other_zones
from c360_dagster.loading.schema import create_bronze
from landing_contract import read_contract

MODEL = "model.c360.fct_things"
MANIFEST: dict[str, Any] = {
    "nodes": {
        "model.c360.part_of_things": {
            "resource_type": "model",
            "config": {"materialized": "ephemeral"},
        },
        MODEL: {
            "unique_id": MODEL,
            "resource_type": "model",
            "schema": "gold",
            "alias": "fct_things",
            "config": {"materialized": "incremental"},
        },
    }
}
DAY = date(2025, 6, 1)


class Home:
    """A warehouse with three tables of bronze and one model, which is never really built."""

    def __init__(self, folder: Path, con: duckdb.DuckDBPyConnection) -> None:
        self.folder, self.con = folder, con
        con.execute("create schema gold; create schema silver")
        con.execute("create table gold.fct_things (thing varchar)")
        con.execute(f"create table silver.int_data_clock as select date '{DAY}' as as_of_date")

    def land(self, name: str, *lines: str) -> None:
        path = self.folder / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*lines, ""]))
        run = LoadRun("load", lambda: datetime(2025, 6, 2), self.folder / "scratch")
        contract = read_contract()
        create_bronze(self.con, contract.values())
        for table in ("transactions", "rates", "workbook_transactions"):
            load_table(self.con, self.folder / "landing", contract[table], run)

    def begin(
        self, run: str, project: str = "ours", as_of: date | None = None, *, anew: bool = False
    ) -> str:
        request = BuildRequest(run, project, as_of, anew=anew)
        return begin_build(self.con, request, MANIFEST, worthwhile=0).reason

    def finish(self, run: str, project: str = "ours", as_of: date | None = None) -> bool:
        return finish_build(self.con, BuildRequest(run, project, as_of), MANIFEST, [MODEL])

    def build(self, run: str, as_of: date | None = None) -> None:
        self.begin(run, as_of=as_of)
        assert self.finish(run, as_of=as_of)


ORDERS = (
    "transaction_id,customer_id,status,transaction_date,subtotal,tax_amount,"
    "discount_amount,total_amount"
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        con.execute("set timezone = 'UTC'")
        home = Home(tmp_path, con)
        home.land("sales/transactions.csv", ORDERS, "t1,c1,completed,2025-05-01 10:00:00,1,0,0,1")
        yield home


def test_the_first_build_is_of_everything(home: Home) -> None:
    assert "no finished build" in home.begin("one")


def test_a_build_continues_the_last_one_with_the_files_that_are_new(home: Home) -> None:
    home.build("one")
    home.land("sales/transactions_2025-06-01.csv", ORDERS, "t2,c1,completed,2025-06-01,1,0,0,1")
    assert "1 new file." in home.begin("two")
    files = home.con.execute("from changes.files").fetchall()
    assert files == [("sales/transactions_2025-06-01.csv",)]
    assert home.begin("two") == ""  # the run's next step gives no reason again
    assert home.finish("two")
    assert "no new files." in home.begin("three")


def test_a_part_does_not_finish_a_build(home: Home) -> None:
    home.build("one")
    home.begin("two")
    assert not finish_build(home.con, BuildRequest("two", "ours", None), MANIFEST, [])
    home.con.execute("insert into changes.fct_things values ('changed')")
    assert "since the build" in home.begin("three")
    # the models that were not built must still read these changes
    assert home.con.execute("from changes.fct_things").fetchall() == [("changed",)]
    assert home.finish("three")
    home.begin("four")
    assert home.con.execute("from changes.fct_things").fetchall() == []


def test_another_project_builds_everything(home: Home) -> None:
    home.build("one")
    assert "have changed" in home.begin("two", project="theirs")


def test_a_full_build_that_did_not_finish_is_begun_anew(home: Home) -> None:
    home.build("one")
    home.begin("two", project="theirs")
    assert "no finished build" in home.begin("three")


def test_an_earlier_day_builds_everything(home: Home) -> None:
    home.build("one")
    assert "as of 2025-06-01" in home.begin("two", as_of=date(2025, 5, 1))
    home.build("three", as_of=date(2025, 6, 1))
    assert "since the build" in home.begin("four", as_of=date(2025, 7, 1))
    assert "as of 2025-06-01" in home.begin("five"), "of itself the day may be an earlier one"


def test_a_build_as_of_a_day_that_did_not_finish_is_not_continued(home: Home) -> None:
    home.build("one")
    assert "since the build" in home.begin("two", as_of=date(2025, 7, 1))
    assert "did not finish" in home.begin("three")


def test_a_replaced_file_builds_everything(home: Home) -> None:
    home.build("one")
    home.land("sales/transactions.csv", ORDERS, "t1,c1,completed,2025-05-01 10:00:00,2,0,0,2")
    assert "sales/transactions.csv were replaced" in home.begin("two")


def test_a_file_that_is_repaired_after_its_first_build_failed_builds_everything(home: Home) -> None:
    """The repaired file may lack keys that the failed build has already put into tables."""
    home.build("one")
    late = "sales/transactions_2025-06-01.csv"
    home.land(late, ORDERS, "wrong,c1,completed,2025-06-01,1,0,0,1")
    assert "1 new file." in home.begin("two")
    assert "1 new file." in home.begin("three"), "as it is, it is continued"
    home.land(late, ORDERS, "t2,c1,completed,2025-06-01,1,0,0,1")
    assert f"{late} were replaced" in home.begin("four")


def test_a_file_that_was_read_for_another_zone_builds_everything(home: Home) -> None:
    home.build("one")
    home.con.execute("set timezone = 'Asia/Kolkata'")
    invalidate_other_zones(home.con)
    home.land("channels/rates.csv", "currency,date,rate")
    assert "sales/transactions.csv were replaced" in home.begin("two")


def test_a_file_that_is_gone_changes_nothing(home: Home) -> None:
    home.build("one")
    (home.folder / "landing" / "sales" / "transactions.csv").unlink()
    home.land("sales/transactions_2025-06-01.csv", ORDERS)
    assert "1 new file." in home.begin("two")


def test_a_rate_builds_everything(home: Home) -> None:
    home.build("one")
    home.land("channels/rates.csv", "currency,date,rate", "EUR,2025-05-01,1.1")
    assert "channels/rates.csv reaches every row" in home.begin("two")


def test_a_rate_that_becomes_known_builds_everything(home: Home) -> None:
    home.land("channels/rates_2025-06-02.csv", "currency,date,rate", "EUR,2025-05-01,1.1")
    home.build("one")
    assert "rates_2025-06-02.csv reaches every row" in home.begin("two")


def test_the_first_orders_build_everything(home: Home) -> None:
    """Without any orders, the as-of day comes from other events and may be a later one."""
    first, later = "workbooks/Transaction.csv", "workbooks/Transaction_2025-06-01.csv"
    columns = "transaction_id,customer_id,transaction_date,amount,payment_method,store_location"
    home.build("one")
    home.land(first, columns, "1,7,2025-05-01,1,cash,Web shop")
    assert f"{first} reaches every row" in home.begin("two")
    home.finish("two")
    home.land(later, columns, "2,7,2025-06-01,1,cash,Web shop")
    assert "1 new file." in home.begin("three")


def test_everything_can_be_asked_for(home: Home) -> None:
    home.build("one")
    assert "that was asked for" in home.begin("two", anew=True)


def test_a_table_that_somebody_else_made_builds_everything(home: Home) -> None:
    home.build("one")
    home.con.execute("create or replace table gold.fct_things (thing varchar)")
    assert "gold.fct_things is not as the last finished build left it" in home.begin("two")
    home.finish("two")
    home.con.execute("drop table gold.fct_things")
    assert "gold.fct_things is not" in home.begin("three")


def test_after_a_full_build_no_changed_rows_are_known(home: Home) -> None:
    keys = {"fct_things": "thing", "fct_never_built": "thing"}
    home.build("one")
    start_again(home.con, keys, "the publication")
    home.begin("two")
    home.con.execute("insert into changes.fct_things values ('changed')")
    note_passes(home.con, {"a test": "its mark"})
    home.finish("two")
    (query,) = find_changed(home.con, keys, "the publication").values()
    assert home.con.execute(query).fetchall() == [("changed",)]
    home.begin("three", anew=True)
    home.finish("three")
    assert find_changed(home.con, keys, "the publication") == {}
    assert read_marks(home.con)["a test"] == "its mark"


def test_a_small_warehouse_is_built_whole(home: Home) -> None:
    home.build("one")
    plan = begin_build(home.con, BuildRequest("two", "ours", None), MANIFEST)
    assert "with 1 rows that is just as quick" in plan.reason
    assert plan.since is None
