"""How tables, views and the rows of tests are put in place: at once, or not at all."""

import shutil
from pathlib import Path

import duckdb
import pytest

from c360_dagster.resources import dbt_project
from c360_dagster.resources.asking_dbt import NodeResult
from c360_dagster.resources.dbt import DbtBuilder

CONTRACT = """
models:
  - name: counted
    config: {contract: {enforced: true}}
    columns: [{name: n, data_type: integer, constraints: [{type: not_null}]}]
"""


class Small:
    """A project of one model and one test, with our macros."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.duckdb"
        for name in ("dbt_project.yml", "profiles.yml"):
            shutil.copy(dbt_project.PROJECT / name, folder / name)
        shutil.copytree(dbt_project.PROJECT / "macros", folder / "macros")
        (folder / "models").mkdir()
        (folder / "tests").mkdir()
        (folder / "tests" / "none_is_negative.sql").write_text(
            "select n from {{ ref('counted') }} where n < 0"
        )

    def build(self, sql: str) -> dict[str, NodeResult]:
        (self.folder / "models" / "counted.sql").write_text(sql)
        builder = DbtBuilder(warehouse=str(self.warehouse))
        built = builder.build(select=[], variables={}, scratch=self.folder / "scratch")
        return {result.unique_id.split(".")[-1]: result for result in built}

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.warehouse)) as con:
            return con.execute(query).fetchall()

    @property
    def relations(self) -> list[tuple[object, ...]]:
        return self.ask(
            "select table_schema, table_name, table_type from information_schema.tables order by 2"
        )


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    made = Small(tmp_path)
    monkeypatch.setattr(dbt_project, "PROJECT", tmp_path)
    monkeypatch.setattr(dbt_project, "TARGET", tmp_path / "target")
    return made


def test_rows_that_fail_are_kept_until_none_does(small: Small) -> None:
    failed = small.build("select -1 as n union all select -2 union all select 3")
    assert failed["none_is_negative"].failures == 2
    kept = "select n from test_failures.none_is_negative order by n"
    assert small.ask(kept) == [(-2,), (-1,)]
    small.build("select -5 as n")
    assert small.ask(kept) == [(-5,)]
    passed = small.build("select 1 as n")
    assert passed["none_is_negative"].status == "pass"
    assert small.relations == [("silver", "counted", "VIEW")]


def test_a_table_replaces_a_view_and_stays_where_the_next_one_breaks(small: Small) -> None:
    small.build("select 1 as n")
    (small.folder / "models" / "counted.yml").write_text(CONTRACT)
    table = "{{ config(materialized='table') }} "
    small.build(table + "select 2 as n")
    assert small.relations == [("silver", "counted", "BASE TABLE")]
    broken = {
        "a null": "select cast(null as integer) as n",
        "another type": "select 'two' as n",
    }
    for what, sql in broken.items():
        assert small.build(table + sql)["counted"].is_bad, what
        assert small.ask("select n from silver.counted") == [(2,)], what
    (small.folder / "models" / "counted.yml").unlink()
    small.build("select 3 as n")
    assert small.relations == [("silver", "counted", "VIEW")]
