"""On a small world, the limit, dbt and the pandas script come to the same results, to the cent."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
import yaml

import mock_data
from bench.checksums import find_differences, read_contents
from bench.limit import run_plan
from bench.marts import MARTS, build, prepare, read_both, read_pipeline_marts, run_pandas
from bench.plan import MEMORY, Plan, make_plan, read_plan, select_steps
from c360_dagster.building.computed import create_computed
from c360_dagster.dbt_runner.build import MEMORY_LIMIT, DbtBuilder
from c360_dagster.dbt_runner.dbt_project import PROJECT

CUSTOMERS, FIRST, LAST = 150, date(2025, 1, 1), date(2025, 4, 30)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("limit")
    mock_data.generate(home, customers=CUSTOMERS, seed=7, start=FIRST, end=LAST, defects=False)
    return home


@pytest.fixture(scope="module")
def plan(home: Path) -> Plan:
    (home / "compile").mkdir()
    return make_plan(home / "compile")


@pytest.fixture(scope="module")
def warehouse(home: Path, plan: Plan) -> Path:
    """The warehouse that the limit makes from the files, in which every stage has run."""
    spans = run_plan(plan, home / "landing", home)
    assert {stage for stage, _, _ in spans} == {"bronze", "identity", "dbt", "science", "publish"}
    return home / "warehouse.duckdb"


def test_the_limit_holds_what_dbt_builds(warehouse: Path, tmp_path: Path) -> None:
    """Both use the same bronze, identities and estimates; `make bench` starts from files."""
    copy = tmp_path / warehouse.name
    shutil.copy(warehouse, copy)
    with duckdb.connect(str(copy)) as con:
        con.execute("drop schema gold cascade")
        create_computed(con)
    builder = DbtBuilder(warehouse=str(copy))
    results = builder.build(select=[], variables={}, scratch=tmp_path / "scratch")
    assert not [result.unique_id for result in results if result.is_bad]
    ours, theirs = read_contents(copy, "gold"), read_contents(warehouse, "gold")
    assert len(ours) > 40
    assert ours["mart_customer_360"].rows > 100
    assert find_differences(ours, theirs) == []


def test_the_pandas_script_agrees_in_every_cell(
    home: Path, plan: Plan, warehouse: Path, tmp_path: Path
) -> None:
    given = prepare(home / "landing", warehouse, tmp_path)
    build(plan, given, tmp_path / "sql")
    run_pandas(given, tmp_path / "pandas")
    ours, theirs = read_both(given, tmp_path / "sql", tmp_path / "pandas")
    assert set(ours) == set(MARTS)
    assert ours["customer_lifetime_value"].rows > 50
    assert find_differences(ours, theirs) == []
    assert find_differences(ours, read_pipeline_marts(given)) == []
    with duckdb.connect(str(warehouse)) as con:
        con.execute("update gold.category_performance set total_revenue = total_revenue + 0.01")
    assert find_differences(ours, read_pipeline_marts(given)) == ["category_performance"]


def test_all_builders_of_the_models_have_the_same_memory() -> None:
    """Builders are dbt, the code that sends its statements without it, and the benchmark."""
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text("utf-8"))
    settings = profile["c360"]["outputs"]["duckdb"]["settings"]
    assert settings["memory_limit"] == MEMORY_LIMIT == MEMORY


def test_a_plan_is_cut_to_what_is_needed(plan: Plan, tmp_path: Path) -> None:
    assert read_plan(plan.write(tmp_path / "plan.json")) == plan
    names = [step.name for step in plan.steps]
    for step in plan.steps:
        assert all(names.index(name) < names.index(step.name) for name in step.after)
    steps = select_steps(plan, ["monthly_revenue_orders"], [])
    assert steps[-1].name == "monthly_revenue_orders"
    assert {table for step in steps for table in step.lands} >= {"transactions"}
    assert "identity" not in {step.name for step in steps}
    assert "identity" in {step.name for step in select_steps(plan, ["mart_customer_360"], [])}
