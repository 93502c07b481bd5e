"""A build done again without dbt: what dbt would have built, and only where that is certain."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from c360_dagster.computed import create_computed
from c360_dagster.history.again import Again
from c360_dagster.loading.bronze import create_bronze
from c360_dagster.resources.dbt import DbtBuilder, NodeResult, read_manifest
from landing_contract import read_contract

CLOCK = ["c360.intermediate.int_data_clock", "c360.staging.sales.stg_file_days"]


def test_the_clock_goes_on_and_keeps_its_table(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as con:
        create_bronze(con, read_contract().values())
        create_computed(con)
    again = Again(DbtBuilder(warehouse=str(path)))
    for day in ("2025-01-01", "2025-01-02"):
        results = list(again.build(select=CLOCK, variables={"as_of": day}, scratch=tmp_path))
        assert [result.status for result in results] == ["success"] * 2
        with duckdb.connect(str(path)) as con:
            found = con.execute("select as_of_date::text from silver.int_data_clock").fetchall()
        assert found == [(day,)]
    assert list(again.builds) == [tuple(CLOCK)]


def test_nothing_but_the_clock_asks_for_the_day() -> None:
    """Only its SQL is changed from day to day."""
    manifest = read_manifest()
    asking = [node["name"] for node in manifest["nodes"].values() if "as_of'" in asked(node)]
    assert asking == ["int_data_clock"]
    macros = [each for each in manifest["macros"].values() if each["package_name"] == "c360"]
    assert [each["name"] for each in macros if "var('as_of" in each["macro_sql"]] == []


def asked(node: dict[str, Any]) -> str:
    return str(node.get("raw_code", "")).replace('"', "'")


@pytest.mark.parametrize(
    ("config", "is_plain"),
    [
        ({}, True),
        ({"materialized": "snapshot"}, False),
        ({"post-hook": [{"sql": "vacuum"}]}, False),
    ],
)
def test_whatever_a_model_may_need_besides_is_left_to_dbt(
    config: dict[str, Any],
    is_plain: bool,  # noqa: FBT001  what is expected
) -> None:
    plain = {"materialized": "table", "pre-hook": [], "post-hook": []}
    node = {"resource_type": "model", "config": plain | config}
    again = Again(DbtBuilder(warehouse=""), manifest={"nodes": {"one": node}})
    result = NodeResult("one", "success", "", 0, None, sql="select 1")
    assert again._is_plain(result) is is_plain
