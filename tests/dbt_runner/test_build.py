"""dbt within the process: what it leaves open, what it says of a broken project, its fall-back."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from c360_dagster.dbt_runner import dbt_project
from c360_dagster.dbt_runner.build import DbtBuilder
from c360_dagster.dbt_runner.dbt_project import DbtError
from c360_dagster.dbt_runner.invocation import Dbt, NodeResult
from c360_dagster.dbt_runner.lineage_cache import LineageCache
from c360_dagster.definitions import build_or_exit
from c360_dagster.loading.schema import create_bronze
from landing_contract import read_contract
from tests.pipeline_runs import forget_rendered
from tests.small_project import copy_project


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as con:
        create_bronze(con, read_contract().values())
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return _stand_in(copy_project(tmp_path), monkeypatch)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def parsed(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same project, parsed once for all tests that do not change it."""
    _stand_in(copied, monkeypatch)
    dbt_project.read_manifest()
    return copied


def _stand_in(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(dbt_project, "PROJECT", project)
    monkeypatch.setattr(dbt_project, "TARGET", project / "target")
    return project


def _build(path: Path, mode: str) -> list[NodeResult]:
    builder = DbtBuilder(warehouse=str(path), mode=mode)
    select = ["+stg_customers"]
    return list(builder.build(select=select, variables={}, scratch=path.parent / "scratch"))


@pytest.mark.parametrize("mode", ["inprocess", "subprocess"])
@pytest.mark.usefixtures("parsed")
def test_a_build_reports_every_node_and_frees_the_file(
    warehouse: Path, mode: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "subprocess":
        monkeypatch.delattr("dbt.cli.main.dbtRunner.invoke")
    results = {result.unique_id: result for result in _build(warehouse, mode)}
    assert results["model.c360.stg_customers"].status == "success"
    assert "from dialled" in results["model.c360.stg_customers"].sql
    assert not any(result.is_bad for result in results.values())
    assert not any(name.startswith("unit_test.") for name in results), "those are for developers"
    with duckdb.connect(str(warehouse), read_only=True) as con:  # fails if the build still holds it
        assert con.execute("select count(*) from silver.stg_customers").fetchall() == [(0,)]
    assert list((warehouse.parent / "scratch").iterdir()) == [], "no target folder stays behind"
    assert capfd.readouterr().out == "", "what is told is told by us"


@pytest.mark.usefixtures("parsed")
def test_a_command_that_dbt_cannot_start_is_an_error_with_its_message(warehouse: Path) -> None:
    dbt = Dbt(str(warehouse), "inprocess", warehouse.parent)
    with pytest.raises(DbtError, match=r"(?s)dbt stopped: .*no_such_method"):
        list(dbt.build(["no_such_method:x"], {}))


def test_a_failed_model_is_reported_with_its_reason(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as con:
        con.execute("drop table bronze.customers")
    results = _build(warehouse, "inprocess")
    bad = [result for result in results if result.is_bad]
    assert [result.unique_id for result in bad]
    assert "customers" in bad[0].message
    skipped = [result for result in results if result.status == "skipped"]
    assert skipped
    assert not any(result.has_succeeded for result in skipped)


def test_the_manifest_is_made_when_missing_stale_or_broken(project: Path) -> None:
    assert "model.c360.stg_customers" in dbt_project.read_manifest()["nodes"]
    written = (project / "target" / "manifest.json").stat().st_mtime_ns
    dbt_project.read_manifest()
    assert (project / "target" / "manifest.json").stat().st_mtime_ns == written
    (project / "target" / "manifest.json").write_text("{ broken")
    assert "model.c360.stg_customers" in dbt_project.read_manifest()["nodes"]
    extra = project / "models" / "staging" / "customer" / "stg_more.sql"
    extra.write_text("select 1 as n")
    assert "model.c360.stg_more" in dbt_project.read_manifest()["nodes"]


def test_a_project_that_has_moved_finds_its_seeds(
    project: Path, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dbt_project.read_manifest()
    _build(warehouse, "inprocess")
    _stand_in(project.rename(project.with_name("moved")), monkeypatch)
    dbt_project.read_manifest()
    builder = DbtBuilder(warehouse=str(warehouse))
    built = builder.build(select=[], variables={}, scratch=warehouse.parent / "scratch", anew=True)
    assert {each.status for each in built if each.unique_id.startswith("seed.")} == {"success"}


@pytest.mark.usefixtures("parsed")
def test_an_unreadable_parse_is_made_again(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = forget_rendered(tmp_path, monkeypatch).with_name("partial_parse.msgpack")
    file.unlink()
    file.write_bytes(b"xx")
    assert not any(result.is_bad for result in _build(warehouse, "inprocess"))


def test_a_project_that_cannot_be_parsed_gets_one_sentence(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "models" / "broken.sql").write_text("select * from {{ ref('nowhere') }}")
    with pytest.raises(SystemExit) as ended:
        build_or_exit()
    assert ended.value.code == 1
    out, said = capfd.readouterr()
    assert out == ""
    assert said.startswith("The dbt project in dbt_c360/ cannot be parsed")
    assert "(models/broken.sql) depends on a node named 'nowhere'" in said
    assert "Traceback" not in said


def test_the_dbt_command_lies_beside_the_interpreter() -> None:
    assert (Path(sys.executable).parent / "dbt").exists()


@pytest.mark.usefixtures("parsed")
def test_each_query_is_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = "select city from silver.stg_customers"
    asked = NodeResult("model.c360.stg_customers", "success", "", 0.1, None, sql)
    other = replace(asked, sql=sql.replace("city", "state"))
    first = LineageCache(dbt_project.read_manifest())
    first.trace([asked])
    monkeypatch.setattr("c360_dagster.dbt_runner.tracing.trace_columns", lambda *_: {})
    again = LineageCache(dbt_project.read_manifest())
    again.trace([asked])
    assert json.dumps(again.find(asked)) == '{"city": [["silver", "stg_customers", "city"]]}'
    assert not again.knows(other)
    again.trace([other])
    assert again.find(other) == {}
