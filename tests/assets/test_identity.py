"""Identity across runs: ids last, people may overrule matches, and past days change no id."""

import shutil
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import dagster as dg
import duckdb
import pytest

from c360_dagster.assets.identity import RECORDS, build_identity
from c360_dagster.dbt_runner.build import Extent
from c360_dagster.resources.decisions import DecisionsError
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.registry import Registry, RegistryError
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import read_settings

DAY = date(2026, 1, 31)
COLUMNS = [line.strip() for line in RECORDS.split("select")[1].split("from")[0].split(",")]
TYPES = {"date_of_birth": "date", "registered_at": "timestamp"}
ANN = {"source_system": "crm", "source_id": "c1", "first_name": "Ann", "last_name": "Archer",
       "email": "ann@example.com", "date_of_birth": "1980-02-03",
       "registered_at": "2024-01-01"}  # fmt: skip
ANNE = ANN | {"source_id": "c2", "first_name": "Anne", "registered_at": "2025-01-01"}
BOB = {"source_system": "crm", "source_id": "c3", "first_name": "Bob", "last_name": "Baker",
       "email": "bob@example.com", "date_of_birth": "1990-05-06"}  # fmt: skip
SHOP = {"source_system": "workbooks", "source_id": "007", "first_name": "Bob",
        "last_name": "Baker", "email": "bob@example.com"}  # fmt: skip


class IdentityStep:
    """The part of the pipeline that turns records into people, run day by day."""

    def __init__(self, home: Path) -> None:
        settings = read_settings({"C360_HOME": str(home)})
        self.settings = replace(settings, decisions=home / "decisions.csv")
        self.decide()

    def decide(self, *lines: str) -> None:
        header = "decision,left_system,left_id,right_system,right_id,why"
        self.settings.decisions.write_text("\n".join([header, *lines]) + "\n", "utf-8")

    def resolve(
        self, records: Iterable[dict[str, Any]], as_of: date = DAY
    ) -> dg.ExecuteInProcessResult:
        self.land(records, as_of)
        return self.run()

    def land(self, records: Iterable[dict[str, Any]], as_of: date = DAY) -> None:
        with duckdb.connect(str(self.settings.warehouse)) as con:
            con.execute("create schema if not exists silver")
            con.execute("create or replace table silver.int_data_clock as select ? as as_of_date",
                        [as_of])  # fmt: skip
            columns = ", ".join(f"{name} {TYPES.get(name, 'varchar')}" for name in COLUMNS)
            con.execute(f"create or replace table silver.int_customer_records ({columns})")
            for record in records:
                names = ", ".join(record)
                marks = ", ".join("?" for _ in record)
                con.execute(
                    f"insert into silver.int_customer_records ({names}) values ({marks})",
                    list(record.values()),
                )

    def run(
        self, instance: dg.DagsterInstance | None = None, *, anew: bool = False
    ) -> dg.ExecuteInProcessResult:
        home, warehouse = self.settings.home, self.settings.warehouse
        return dg.materialize(
            [build_identity(self.settings)],
            resources={
                "lock": HomeLock(home=str(home), timeout=5),
                "warehouse": Warehouse(path=str(warehouse), scratch=str(home / "scratch")),
                "extent": Extent(full_refresh=anew),
            },
            instance=instance,
        )

    def ids(self) -> dict[str, str]:
        return dict(self.rows("select source_id, customer_id from identity.identities"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.settings.warehouse), read_only=True) as con:
            return con.execute(query).fetchall()


@pytest.fixture
def step(tmp_path: Path) -> IdentityStep:
    return IdentityStep(tmp_path)


def test_records_of_one_person_get_one_id(step: IdentityStep) -> None:
    assert step.resolve([ANN, ANNE, BOB, SHOP]).success
    assert step.ids() == {"c1": "c1", "c2": "c1", "c3": "c3", "007": "c3"}
    assert step.rows(
        "select first_name, email from identity.golden_records where customer_id = 'c3'"
    ) == [("Bob", "bob@example.com")]
    assert step.rows("select * from identity.merges") == []


def test_a_record_that_comes_later_merges_and_its_leaving_splits(step: IdentityStep) -> None:
    """The bridge is a record with the e-mail of one person and the phone of the other."""
    left = ANN | {"phone": "15550100001"}
    right = ANN | {"source_id": "c2", "email": "ann.archer@example.org", "phone": "15550100002",
                   "date_of_birth": None, "first_name": "A."}  # fmt: skip
    bridge = ANN | {"source_id": "c9", "phone": "15550100002", "registered_at": "2025-09-09"}
    step.resolve([left, right, BOB])
    assert step.ids()["c2"] == "c2"
    step.resolve([left, right, bridge, BOB], date(2026, 2, 1))
    assert {step.ids()[each] for each in ("c1", "c2", "c9")} == {"c1"}
    step.resolve([left, right, BOB], date(2026, 2, 2))
    assert step.ids()["c2"] == "c2"
    assert [row[:4] for row in step.rows("select * from identity.merges order by found_on")] == [
        (date(2026, 2, 1), "merge", "c2", "c1"),
        (date(2026, 2, 2), "split", "c1", "c2"),
    ]


def read_tables(step: IdentityStep) -> list[list[tuple[Any, ...]]]:
    names = ("identities", "golden_records", "provenance", "merges", "redirects", "review")
    return [step.rows(f"select * from identity.{name} order by all") for name in names]


def test_a_run_writes_only_changed_rows_and_equals_a_full_run(step: IdentityStep) -> None:
    step.resolve([ANN, BOB, SHOP])
    with duckdb.connect(str(step.settings.warehouse)) as con:
        con.execute("update identity.provenance set rule = 'as it was'")
    moved = ANN | {"city": "Ashton"}
    step.resolve([moved, ANNE, BOB, SHOP])
    untouched = step.rows("select distinct rule, customer_id from identity.provenance order by all")
    assert ("as it was", "c3") in untouched, "nothing of Bob's changed"
    assert ("as it was", "c1") not in untouched
    step.run(anew=True)
    assert step.rows("from identity.provenance where rule = 'as it was'") == []
    step.settings.warehouse.unlink()
    step.resolve([moved, ANNE, BOB, SHOP])
    anew = read_tables(step)
    step.resolve([ANN, ANNE, BOB])
    step.resolve([moved, ANNE, BOB, SHOP])
    assert read_tables(step)[:3] == anew[:3]


def test_tables_of_another_as_of_day_are_rebuilt(step: IdentityStep) -> None:
    step.resolve([ANN, BOB])
    step.resolve([BOB], date(2025, 12, 31))
    step.resolve([ANN, BOB])
    assert step.rows("select customer_id from identity.golden_records order by all") == [
        ("c1",), ("c3",)]  # fmt: skip


def test_a_decision_overrules_a_match_until_it_is_removed(step: IdentityStep) -> None:
    step.resolve([ANN, ANNE, BOB])
    step.decide("never,crm,c1,crm,c2,two sisters", "always,crm,c1,crm,c3,she married")
    step.resolve([ANN, ANNE, BOB])
    assert step.ids() == {"c1": "c1", "c2": "c2", "c3": "c1"}
    step.decide()
    step.resolve([ANN, ANNE, BOB])
    assert step.ids() == {"c1": "c1", "c2": "c1", "c3": "c3"}


def test_the_last_of_an_ids_merges_on_one_day_is_recorded(step: IdentityStep) -> None:
    """Here somebody changes a decision twice before the data reach another day."""
    others = [ANNE | {"source_id": key, "email": f"{key}@example.com", "first_name": name,
                      "date_of_birth": f"19{born}-03-04"}
              for key, name, born in (("c2", "Zoe", 70), ("c0", "Una", 50))]  # fmt: skip
    everybody = [ANN, BOB, *others]
    step.resolve(everybody)
    for line in ("always,crm,c2,crm,c3,", "always,crm,c2,crm,c0,"):
        step.decide(line)
        step.resolve(everybody)
        step.decide()
        step.resolve(everybody)
    step.decide("always,crm,c2,crm,c1,so she says")
    step.resolve(everybody)
    assert step.ids()["c2"] == "c1"
    merged = step.rows("select to_id from identity.merges where kind = 'merge' and from_id = 'c2'")
    assert merged == [("c1",)]


def test_a_decision_about_unknown_records_is_a_warning(step: IdentityStep) -> None:
    """It is only a warning if the system exists. With an unknown system nothing is resolved."""

    def run_check() -> dg.AssetCheckEvaluation:
        results = step.resolve([ANN, ANNE]).get_asset_check_evaluations()
        (told,) = [each for each in results if each.check_name == "decisions_name_known_records"]
        assert told.severity is dg.AssetCheckSeverity.WARN
        return told

    step.decide("never,crm,c1,crm,c2,two sisters")
    assert run_check().passed
    step.decide(
        "never,crm,c1,crm,c2,two sisters",
        "always,crm,NOPE1,crm,NOPE2,x",
        "never,workbooks,c1,crm,c1,that id is the CRM's",
    )
    told = run_check()
    assert not told.passed
    assert str(told.description).startswith(f"2 of 3 decisions in {step.settings.decisions} name ")
    assert "line 3 (crm NOPE1), line 3 (crm NOPE2), line 4 (workbooks c1)." in str(told.description)
    assert step.ids() == {"c1": "c1", "c2": "c2"}, "the other line is obeyed"
    step.decide("always,crmm,c1,crm,c2,x")
    with pytest.raises(DecisionsError, match=r"line 2: there is no source system 'crmm'"):
        step.resolve([ANN, ANNE])


def test_a_lost_warehouse_loses_no_id(step: IdentityStep) -> None:
    step.resolve([ANNE])
    step.resolve([ANN, ANNE])
    assert step.ids() == {"c1": "c2", "c2": "c2"}, "the id that was given stays"
    step.settings.warehouse.unlink()
    step.resolve([ANN, ANNE])
    assert step.ids() == {"c1": "c2", "c2": "c2"}


def test_a_lost_registry_is_made_again_from_the_warehouse(
    step: IdentityStep, capfd: pytest.CaptureFixture[str]
) -> None:
    left = ANN | {"phone": "15550100001"}
    right = ANN | {"source_id": "c2", "email": "ann.archer@example.org", "phone": "15550100002",
                   "date_of_birth": None, "first_name": "A."}  # fmt: skip
    bridge = ANN | {"source_id": "c9", "phone": "15550100002", "registered_at": "2025-09-09"}
    step.resolve([left, right])
    step.resolve([left, right, bridge])
    before = step.ids(), step.rows("from identity.merges")
    assert len(before[1]) == 1
    shutil.rmtree(step.settings.registry)
    assert "is gone" not in capfd.readouterr().err
    step.resolve([left, right, bridge])
    assert (step.ids(), step.rows("from identity.merges")) == before
    assert f"The registry of ids in {step.settings.registry} is gone" in capfd.readouterr().err


def test_all_records_of_a_merged_customer_may_leave_the_files(step: IdentityStep) -> None:
    """They may have asked to be forgotten, or the run looks back to before their first day."""
    other = ANNE | {"email": "zoe@example.com", "first_name": "Zoe", "date_of_birth": "1970-03-03"}
    step.resolve([ANN, other, BOB])
    step.resolve([ANN, ANNE, BOB])
    assert step.rows("from identity.redirects") == [("c2", "c1")]
    assert step.resolve([BOB]).success
    assert step.rows("from identity.redirects") == [("c2", "c1")]
    assert step.resolve([ANN, ANNE, BOB]).success
    assert step.ids() == {"c1": "c1", "c2": "c1", "c3": "c3"}


def test_a_run_as_of_an_earlier_day_changes_no_id(step: IdentityStep) -> None:
    step.resolve([ANN, ANNE, BOB])
    known = Registry(step.settings.registry).read()
    step.resolve([BOB], date(2025, 12, 31))
    assert step.ids() == {"c3": "c3"}
    after = Registry(step.settings.registry).read()
    assert known
    assert after
    assert (after.number, after.as_of) == (known.number, DAY)


def test_a_registry_that_cannot_be_read_stops_the_run(step: IdentityStep) -> None:
    step.resolve([ANN])
    (known,) = [path for path in step.settings.registry.iterdir() if path.is_dir()]
    (known / "ids.parquet").write_bytes(b"broken")
    with pytest.raises(RegistryError, match="Restore the folder from a backup"):
        step.resolve([ANN])


def test_a_stopped_query_stops_the_run(step: IdentityStep, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped query (here of the database that compares records) hides that it was stopped."""

    def resolve(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("Query interrupted")

    monkeypatch.setattr("c360_dagster.identity.resolve", resolve)
    with pytest.raises(dg.DagsterExecutionInterruptedError):
        step.resolve([ANN, BOB, SHOP])


def test_the_checks_report_their_numbers(step: IdentityStep) -> None:
    truth = step.settings.truth
    truth.mkdir()
    (truth / "identities.csv").write_text(
        "source_system,source_id,person_id\ncrm,c1,1\ncrm,c2,1\ncrm,c3,2\nworkbooks,007,3\n"
    )
    run = step.resolve([ANN, ANNE, BOB, SHOP])
    results = {each.check_name: each for each in run.get_asset_check_evaluations()}
    assert results["no_id_is_lost"].passed
    told = results["agrees_with_the_truth"]
    assert not told.passed, "two pairs are said, one of them is true"
    assert told.metadata["precision"].value == 0.5
    assert told.metadata["recall"].value == 1.0
