"""Tables, views and the rows of tests are put in place completely or not at all."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from c360_dagster.dbt_runner import dbt_project
from c360_dagster.dbt_runner.invocation import Dbt, NodeResult

FILES = {
    "models/counted.sql": "{{ config(materialized='table') }} select n from raw.numbers",
    "models/counted.yml": """
models:
  - name: counted
    config: {contract: {enforced: true}}
    columns: [{name: n, data_type: integer, constraints: [{type: not_null}]}]
""",
    "models/seen.sql": "select n from {{ ref('counted') }}",
    "tests/none_is_negative.sql": "select n from {{ ref('counted') }} where n < 0",
}
IN_PLACE = [("counted", "BASE TABLE"), ("seen", "VIEW")]


@dataclass
class Small:
    """A warehouse for a project with a table, a view and a test, which uses our macros."""

    folder: Path

    @property
    def warehouse(self) -> str:
        return str(self.folder / "warehouse.duckdb")

    def build(self, numbers: str) -> dict[str, NodeResult]:
        """Lets dbt build the whole project from these numbers."""
        self.ask("create schema if not exists raw")
        self.ask(f"create or replace table raw.numbers as select unnest({numbers}) as n")
        built = Dbt(self.warehouse, "inprocess", self.folder).build([], {})
        return {result.unique_id.split(".")[-1]: result for result in built}

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with duckdb.connect(self.warehouse) as con:
            return con.execute(query).fetchall()

    @property
    def relations(self) -> list[tuple[object, ...]]:
        return self.ask(
            "select table_name, table_type from information_schema.tables "
            "where table_schema <> 'raw' order by all"
        )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(dbt_project.PROJECT / name, folder / name)
    shutil.copytree(dbt_project.PROJECT / "macros", folder / "macros")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def small(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    monkeypatch.setattr(dbt_project, "PROJECT", project)
    monkeypatch.setattr(dbt_project, "TARGET", project / "target")
    dbt_project.read_manifest()
    return Small(tmp_path)


def test_rows_that_fail_are_kept_until_none_does(small: Small) -> None:
    failed = small.build("[-1, -2, 3]")
    assert failed["none_is_negative"].failures == 2
    kept = "select n from test_failures.none_is_negative order by n"
    assert small.ask(kept) == [(-2,), (-1,)]
    small.build("[-5]")
    assert small.ask(kept) == [(-5,)]
    passed = small.build("[1]")
    assert passed["none_is_negative"].status == "pass"
    assert small.relations == IN_PLACE


def test_a_table_and_a_view_can_be_swapped_and_a_failing_build_keeps_the_table(
    small: Small,
) -> None:
    small.ask("create schema silver; create view silver.counted as select 1 as n")
    small.ask("create table silver.seen as select 1 as n")
    small.build("[2]")
    assert small.relations == IN_PLACE
    for broken in ("[1, null]", "['another type']"):
        assert small.build(broken)["counted"].is_bad, broken
        assert small.ask("select n from silver.counted") == [(2,)], broken
