"""How the proof on other engines reads dbt's project; `make portable` runs the engines."""

import json
from pathlib import Path
from typing import Any

from landing_contract import PROVENANCE
from portable.project import failures, read_project


def model(name: str, *parents: str, enforced: bool = False) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "relation_name": f"silver.{name}",
        "compiled_code": f"select 1 as {name}",
        "columns": {"id": {"data_type": "string"}},
        "config": {"contract": {"enforced": enforced}},
        "depends_on": {"nodes": [f"model.c360.{parent}" for parent in parents]},
    }


def manifest(*models: dict[str, Any], schema: str = "bronze") -> dict[str, Any]:
    source = {
        "name": "rates",
        "schema": schema,
        "relation_name": f"{schema}.rates",
        "columns": {"currency": {"data_type": "varchar"}, "date": {"data_type": "date"}},
    }
    return {
        "nodes": {f"model.c360.{node['name']}": node for node in models},
        "sources": {"one": source},
    }


def test_a_model_comes_after_all_that_it_reads() -> None:
    read = read_project(manifest(model("a", "c", "b"), model("b", "c"), model("c"), model("d")))
    assert [model.name for model in read.models] == ["c", "d", "b", "a"]


def test_only_an_enforced_contract_is_promised() -> None:
    read = read_project(manifest(model("a", enforced=True), model("b")))
    assert [model.contract for model in read.models] == [{"id": "string"}, None]


def test_a_landing_table_has_its_own_columns_and_those_of_a_rows_origin() -> None:
    (table,) = read_project(manifest()).sources
    assert table.relation == "bronze.rates"
    assert {"currency": "varchar", "date": "date"}.items() <= table.columns.items()
    assert set(PROVENANCE) <= set(table.columns)


def test_a_table_that_python_writes_has_its_own_columns_alone() -> None:
    (table,) = read_project(manifest(schema="identity")).sources
    assert table.columns == {"currency": "varchar", "date": "date"}


def test_a_failure_of_dbt_names_the_model(tmp_path: Path) -> None:
    results = [
        {"unique_id": "model.c360.dim_stores", "status": "error", "message": "no column store_idx"},
        {"unique_id": "model.c360.dim_dates", "status": "success", "message": "OK"},
        {"unique_id": "model.c360.dim_late", "status": "skipped", "message": None},
    ]
    (tmp_path / "run_results.json").write_text(json.dumps({"results": results}))
    assert failures(tmp_path) == "the model dim_stores fails: no column store_idx"
    assert failures(tmp_path / "elsewhere") == ""
