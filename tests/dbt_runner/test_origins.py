"""What an edit of the dbt project affects: what stands after it, and what is built again."""

from pathlib import Path

import duckdb
import pytest

from c360_dagster.building.computed import create_computed
from c360_dagster.dbt_runner import dbt_project
from c360_dagster.dbt_runner.build import STANDS, DbtBuilder
from c360_dagster.dbt_runner.rendered import StatementCache
from c360_dagster.loading.schema import create_bronze
from landing_contract import read_contract
from tests.small_project import copy_project

MODEL = "models/staging/customer/stg_customers"
SEED = "seeds/calling_codes.csv"
WORDS = "models/intermediate/int_data_clock.yml"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(autouse=True)
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_project, "PROJECT", project)
    monkeypatch.setattr(dbt_project, "TARGET", project / "target")


def _read_origins() -> dict[str, str]:
    manifest = dbt_project.read_manifest()
    foundation = dbt_project.digest_foundation(manifest)
    cache = StatementCache(manifest, Path(), foundation=foundation, database="warehouse", given={})
    return {node.unique_id.split(".")[2]: node.origin for node in cache.choose([])}


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_an_edit_changes_the_origin_of_every_node_rendered_from_it(project: Path) -> None:
    """A changed description and a new model affect no other node."""
    before = _read_origins()
    _edit(project / f"{MODEL}.sql", "select", "select  ")
    _edit(project / SEED, "1", "2")
    _edit(project / WORDS, "One row", "A row")
    (project / "models" / "more.sql").write_text("select 1 as n")
    after = _read_origins()
    assert after.keys() - before.keys() == {"more"}
    others = {name for name in before if before[name] != after[name]}
    assert others == {"stg_customers", "calling_codes"}


@pytest.mark.parametrize(
    "name", ["models/a.sql", "models/a.yml", "models/a.yaml", "docs/a.md", "seeds/a.csv"]
)
def test_every_file_that_dbt_reads_changes_the_digest(project: Path, name: str) -> None:
    before = dbt_project.digest_project()
    (project / name).touch()
    assert dbt_project.digest_project() != before
    (project / name).unlink()
    (project / "target").mkdir(exist_ok=True)
    (project / "target" / "a.sql").touch()
    assert dbt_project.digest_project() == before


def test_a_setting_a_macro_or_an_incremental_model_changes_the_foundation(project: Path) -> None:
    manifest = dbt_project.read_manifest()
    before = dbt_project.digest_foundation(manifest)
    _edit(project / "dbt_project.yml", "horizon_days: 365", "horizon_days: 30")
    assert dbt_project.digest_foundation(manifest) != before
    _edit(project / "dbt_project.yml", "horizon_days: 30", "horizon_days: 365")
    assert dbt_project.digest_foundation(manifest) == before
    for part, name, others in (
        ("macros", "macro.c360.hours_between", {"macro_sql": "other"}),
        ("nodes", "model.c360.int_data_clock", {"config": {"materialized": "incremental"}}),
    ):
        edited = {**manifest[part], name: {**manifest[part][name], **others}}
        assert dbt_project.digest_foundation({**manifest, part: edited}) != before, part


def test_macros_ask_the_graph_only_for_incremental_models() -> None:
    """Anything else that macros asked about other nodes would have to be part of every origin."""
    macros = (dbt_project.PROJECT / "macros").glob("*.sql")
    asking = [line for path in macros for line in path.read_text().split("\n") if "graph." in line]
    assert asking == [
        "    {%- set found = graph.nodes.values() | selectattr(kind, 'equalto', 'incremental') -%}"
    ]


def test_only_what_was_edited_and_what_reads_it_is_built(project: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as con:
        create_bronze(con, read_contract().values())
        create_computed(con)

    def build() -> set[str]:
        dbt_project.read_manifest()
        built = DbtBuilder(warehouse=str(warehouse)).build(
            select=["+stg_customers", "+stg_file_days"],
            variables={"as_of": "2025-03-01"},
            scratch=tmp_path / "scratch",
        )
        return {each.unique_id.split(".")[2] for each in built if each.message != STANDS}

    everything = build()
    assert {"stg_customers", "int_data_clock", "calling_codes"} <= everything
    model = project / f"{MODEL}.sql"
    model.write_text(model.read_text() + "-- and more\n")
    assert build() == {"stg_customers"}
    assert build() == set()
