"""The guide to own models is right: its example is built and tested exactly as printed."""

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from c360_dagster.dbt_runner import dbt_project
from c360_dagster.dbt_runner.build import DbtBuilder

GUIDE = Path(__file__).parents[2] / "docs/your-own-models.md"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project with the guide's example in the folder that the guide names."""
    copy = tmp_path / "dbt_c360"
    written = shutil.ignore_patterns(*dbt_project.WRITTEN)
    shutil.copytree(dbt_project.PROJECT, copy, ignore=written)
    own = copy / "models" / "marts" / "own"
    own.mkdir()
    for language, ending in (("sql", "sql"), ("yaml", "yml")):
        fence = re.compile(rf"^```{language}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
        (text,) = fence.findall(GUIDE.read_text("utf-8"))
        (own / f"refunds_by_store.{ending}").write_text(text)
    monkeypatch.setattr(dbt_project, "PROJECT", copy)
    monkeypatch.setattr(dbt_project, "TARGET", copy / "target")
    return copy


@pytest.mark.usefixtures("project")
def test_the_guides_table_is_built_under_its_contract_and_tested(
    home_after_first_run: Path, tmp_path: Path
) -> None:
    warehouse = str(shutil.copy(home_after_first_run / "warehouse.duckdb", tmp_path))
    nodes = dbt_project.read_manifest()["nodes"].values()
    own = [".".join(node["fqn"]) for node in nodes if "own" in node["fqn"]]
    built = DbtBuilder(warehouse=warehouse).build(
        select=own, variables={}, scratch=tmp_path / "scratch"
    )
    assert {each.unique_id.split(".")[0]: each.status for each in built} == {
        "model": "success",
        "test": "pass",
    }
    with duckdb.connect(warehouse) as con:
        ((told, refunded),) = con.execute(
            "select (select sum(refunded) from gold.refunds_by_store), count(*) "
            "from gold.fct_orders "
            "where order_status = 'refunded' and store_id is not null and not is_after_as_of"
        ).fetchall()
    assert told == refunded > 0
