"""Results that still hold are reported again, until something that they are made of changes."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from c360_dagster.assets import identity, repeating
from c360_dagster.building.computed import create_computed
from c360_dagster.building.marks import MADE_OF, write_marks
from c360_dagster.resources.decisions import Decision, read_decisions
from tests.assets.test_identity import ANN, ANNE, BOB, IdentityStep, read_tables

IDENTITIES = dg.AssetKey(["identity", "identities"])


class MarkedStep(IdentityStep):
    """The step with tables that bear marks of what they are made of, and with remembered runs."""

    def __init__(self, home: Path, instance: dg.DagsterInstance) -> None:
        super().__init__(home)
        self.instance = instance
        self.land([ANN, ANNE, BOB])
        self.mark("first")

    def mark(self, mark: str) -> None:
        with duckdb.connect(str(self.settings.warehouse)) as con:
            for relation in identity.READS:
                con.execute(f"comment on table {relation} is '{MADE_OF}{mark}'")

    def is_kept(self, *, anew: bool = False) -> bool:
        run = self.run(self.instance, anew=anew)
        assert run.success
        (event,) = run.asset_materializations_for_node("resolve_identities")[:1]
        assert len(run.get_asset_check_evaluations()) == 3
        return repeating.MADE_BY in event.metadata


@pytest.fixture
def step(tmp_path: Path) -> Iterator[MarkedStep]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield MarkedStep(tmp_path, instance)


def test_results_of_unchanged_inputs_are_reported_again(step: MarkedStep) -> None:
    first = step.run(step.instance)
    second = step.run(step.instance)
    third = step.run(step.instance)
    told = [
        {
            event.asset_key: dict(event.metadata)
            for event in run.asset_materializations_for_node("resolve_identities")
        }
        for run in (first, second, third)
    ]
    made_by = [
        {each.pop(repeating.MADE_BY).value for each in tables.values()} for tables in told[1:]
    ]
    assert made_by == [{first.run_id}] * 2
    assert told[0] == told[1] == told[2]
    assert "report" in told[0][IDENTITIES]
    checks = [
        [
            (each.check_name, each.passed, each.metadata)
            for each in run.get_asset_check_evaluations()
        ]
        for run in (first, second)
    ]
    assert sorted(checks[0], key=str) == sorted(checks[1], key=str)


def test_any_changed_input_makes_the_step_resolve_again(
    step: MarkedStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not step.is_kept()
    assert step.is_kept()
    assert not step.is_kept(anew=True), "everything was asked for"
    step.mark("second")
    assert not step.is_kept(), "the records are others"
    step.decide("never,crm,c1,crm,c2,they are twins")
    assert not step.is_kept(), "somebody decided"
    assert step.ids()["c2"] == "c2"
    (step.settings.registry / "current").touch()
    assert not step.is_kept(), "the registry was written to"
    step.settings = replace(step.settings, defects=False)
    assert not step.is_kept(), "the truth is held against other bounds"
    monkeypatch.setattr(repeating, "digest_code", lambda: "other code")
    assert not step.is_kept(), "the code is another"
    assert step.is_kept()


def test_a_table_that_was_dropped_is_written_whole(step: MarkedStep) -> None:
    """A table that a new version declares differently counts too, because it is replaced empty."""
    assert not step.is_kept()
    before = read_tables(step)
    for table in ("golden_records", "provenance", "review"):
        with duckdb.connect(str(step.settings.warehouse)) as con:
            con.execute(f"drop table identity.{table}")
            create_computed(con)
        assert not step.is_kept(), table
        assert read_tables(step) == before, table
    assert step.is_kept()


def test_a_decision_made_during_a_run_counts_in_the_next_run(
    step: MarkedStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide_meanwhile(*given: Any) -> list[Decision]:  # noqa: ANN401
        decisions = read_decisions(*given)
        step.decide("never,crm,c1,crm,c2,they are twins")
        return decisions

    with monkeypatch.context() as busy:
        busy.setattr(identity, "read_decisions", decide_meanwhile)
        assert not step.is_kept()
    assert step.ids()["c2"] == "c1"
    assert not step.is_kept()
    assert step.ids()["c2"] == "c2"


def test_the_mark_of_a_view_depends_on_the_tables_below_it() -> None:
    with duckdb.connect() as con:
        con.execute("create schema s; create table s.low (x int); create view s.high as from s.low")
        write_marks(con, {"s.low": "one", "s.high": "one"})
        before = repeating.mark_answer(con, ["s.high"])
        assert before
        assert repeating.mark_answer(con, ["s.high"]) == before
        write_marks(con, {"s.low": "two"})
        assert repeating.mark_answer(con, ["s.high"]) not in {before, None}
        write_marks(con, {"s.low": None})
        assert repeating.mark_answer(con, ["s.high"]) is None


def test_a_decision_about_unknown_records_is_reported_until_it_is_mended(
    step: MarkedStep, capfd: pytest.CaptureFixture[str]
) -> None:
    step.decide("never,crm,c1,crm,NOPE,a slip")
    assert not step.is_kept()
    assert "1 of 1 decisions in " in capfd.readouterr().err
    assert step.is_kept()
    assert "line 2 (crm NOPE)" in capfd.readouterr().err
    step.decide("never,crm,c1,crm,c2,mended")
    assert not step.is_kept()
    assert "decisions in" not in capfd.readouterr().err


def test_results_with_unmarked_inputs_are_not_kept(step: MarkedStep) -> None:
    assert not step.is_kept()
    with duckdb.connect(str(step.settings.warehouse)) as con:
        con.execute("create or replace table silver.int_data_clock as from silver.int_data_clock")
    assert not step.is_kept(), "somebody made the clock anew"
    assert not step.is_kept()
    step.mark("again")
    assert not step.is_kept()
    with duckdb.connect(str(step.settings.warehouse)) as con:
        con.execute("create or replace table identity.identities as from identity.identities")
    assert not step.is_kept(), "somebody made the answer anew"
    step.instance = dg.DagsterInstance.ephemeral()
    assert not step.is_kept(), "nobody remembers what was said of it"
