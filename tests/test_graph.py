"""The Dagster graph as it must be: groups, keys, owners, descriptions, edges and checks."""

import json
from importlib.util import find_spec
from pathlib import Path

import dagster as dg
import pytest

from c360_dagster.__main__ import configure
from c360_dagster.assets.bronze import NEEDED_LATER, list_needed_later
from c360_dagster.building.computed import read_computed
from c360_dagster.dbt_runner.dbt_project import read_manifest
from c360_dagster.definitions import build_definitions
from c360_dagster.history.days import KEY
from c360_dagster.history.memberships import CHANGES
from c360_dagster.layers import LAYERS
from c360_dagster.served import add_days
from c360_dagster.settings import read_settings
from landing_contract import read_contract

DAYS = {KEY.to_user_string(), f"gold/{CHANGES}"}
"""The assets for the recorded days: their files, one for each day, and a view of them."""


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions(read_settings({}))


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_only_what_the_job_will_need_is_imported_ahead(definitions: dg.Definitions) -> None:
    job = definitions.resolve_implicit_global_asset_job_def()
    needed = list_needed_later(job)
    assert needed == [module for modules in NEEDED_LATER.values() for module in modules]
    assert all(find_spec(module) for module in needed)
    specs = definitions.resolve_all_asset_specs()
    keys = {spec.key for spec in specs if spec.group_name == "bronze"}
    assert list_needed_later(job.get_subset(asset_selection=keys)) == []


def test_every_table_has_a_landing_and_a_bronze_asset(specs: dict[str, dg.AssetSpec]) -> None:
    expected = {f"{layer}/{table}" for layer in ("landing", "bronze") for table in read_contract()}
    assert {key for key in specs if key.startswith(("landing/", "bronze/"))} == expected


def test_every_model_and_seed_is_an_asset_named_like_its_relation(
    specs: dict[str, dg.AssetSpec],
) -> None:
    nodes = [
        node
        for node in read_manifest()["nodes"].values()
        if node["resource_type"] in {"model", "seed"}
    ]
    expected = {f"{node['schema']}/{node['alias']}" for node in nodes}
    made = {key for key in specs if key.startswith(("silver/", "gold/"))}
    assert made - DAYS == expected
    stems = {f"{node['schema']}/{Path(node['original_file_path']).stem}" for node in nodes}
    assert stems == expected


def test_group_is_the_first_part_of_the_key(specs: dict[str, dg.AssetSpec]) -> None:
    for key, spec in specs.items():
        assert spec.group_name == key.split("/", maxsplit=1)[0]


def test_every_asset_has_owner_kind_description_and_columns(specs: dict[str, dg.AssetSpec]) -> None:
    layers = {layer.name: layer for layer in LAYERS}
    for key, spec in specs.items():
        assert list(spec.owners) == [layers[str(spec.group_name)].owner], key
        assert spec.kinds, key
        if spec.group_name == "published":  # files, not a table
            assert spec.description, key
            continue
        assert (spec.description or "").startswith("One row"), key
        columns = [column.name for column in spec.metadata["dagster/column_schema"].columns]
        if spec.group_name in {"landing", "bronze"}:
            assert columns == list(read_contract()[key.split("/")[1]].column_names), key
        assert columns, key


def test_bronze_reads_landing_and_landing_reads_nothing(specs: dict[str, dg.AssetSpec]) -> None:
    for key, spec in specs.items():
        if spec.group_name not in {"landing", "bronze"}:
            continue
        upstream = [dep.asset_key.to_user_string() for dep in spec.deps]
        layer, table = key.split("/")
        assert upstream == ([f"landing/{table}"] if layer == "bronze" else []), key


def test_tables_with_people_in_them_are_tagged(specs: dict[str, dg.AssetSpec]) -> None:
    assert "pii" in specs["bronze/customers"].tags
    assert "pii" in specs["landing/customer_master"].tags
    assert "pii" not in specs["bronze/transaction_items"].tags


def test_every_bronze_table_is_checked(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    names = {(key.asset_key.to_user_string(), key.name) for key in checks}
    assert {name for name in names if name[0].startswith("bronze/")} >= {
        (f"bronze/{table}", check)
        for table in read_contract()
        for check in ("load_accounting", "arrival", "unknown_columns")
    }


def test_only_staging_reads_bronze(specs: dict[str, dg.AssetSpec]) -> None:
    """Seeds depend on bronze too, but only to wait for it: they read nothing."""
    nodes = read_manifest()["nodes"].values()
    seeds = {f"silver/{node['name']}" for node in nodes if node["resource_type"] == "seed"}
    for key, spec in specs.items():
        layers = {dep.asset_key.path[0] for dep in spec.deps}
        if "bronze" in layers:
            assert key.startswith("silver/stg_") or key in seeds, key
        assert "landing" not in layers or spec.group_name == "bronze", key


def test_a_failed_key_stops_what_depends_on_it(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_asset_graph()
    key = dg.AssetCheckKey(
        dg.AssetKey(["gold", "dim_customers"]), "unique_dim_customers_customer_id"
    )
    assert key in checks.asset_check_keys
    assert checks.get_check_spec(key).blocking


def test_every_dbt_test_is_a_check(definitions: dg.Definitions) -> None:
    """A run that builds the models in parts leaves out tests that are no checks."""
    tests = {
        node["name"]
        for node in read_manifest()["nodes"].values()
        if node["resource_type"] == "test"
    }
    checks = {key.name for key in definitions.resolve_asset_graph().asset_check_keys}
    assert tests - checks == set()


def test_every_check_says_what_it_demands(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    said = {key.name: graph.get_check_spec(key).description or "" for key in graph.asset_check_keys}
    assert [name for name, words in said.items() if not words.endswith(".")] == []
    assert [name for name, words in said.items() if "None" in words] == []
    assert said["no_line_is_lost"] == "Order lines are neither lost nor multiplied."
    assert said["between_customer_rfm_r_score__5__1"] == "Every r_score is from 1 to 5."


def test_one_process_and_one_lock(definitions: dg.Definitions) -> None:
    assert definitions.executor is dg.in_process_executor
    for assets in definitions.assets or []:
        assert isinstance(assets, dg.AssetsDefinition)
        if not assets.is_executable:  # the assets that served.py makes executable
            assert {key.to_user_string() for key in assets.keys} <= DAYS
            continue
        assert "lock" in assets.required_resource_keys


def test_only_the_served_definitions_can_backfill_days(definitions: dg.Definitions) -> None:
    served = add_days(definitions, read_settings({}))
    graph, pipeline = served.resolve_asset_graph(), definitions.resolve_asset_graph()
    assert graph.get_all_asset_keys() == pipeline.get_all_asset_keys()
    assert graph.asset_check_keys == pipeline.asset_check_keys
    assert {key for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned} == {KEY}
    assert graph.executable_asset_keys - pipeline.executable_asset_keys == {KEY}
    for what in ("jobs", "schedules", "sensors", "executor", "resources"):
        assert getattr(served, what) is getattr(definitions, what) is not None, what
    for job in served.jobs or ():
        asked = served.resolve_job_def(job.name).asset_layer.executable_asset_keys
        assert asked == definitions.resolve_job_def(job.name).asset_layer.executable_asset_keys


def test_publishing_waits_for_all_of_gold(specs: dict[str, dg.AssetSpec]) -> None:
    upstream = {dep.asset_key.to_user_string() for dep in specs["published/c360"].deps}
    assert upstream == {key for key in specs if key.startswith("gold/")}


def test_audiences_read_what_is_published_and_nothing_else(specs: dict[str, dg.AssetSpec]) -> None:
    audiences = [spec for spec in specs.values() if spec.group_name == "audiences"]
    assert len(audiences) == 5
    for spec in audiences:
        assert [dep.asset_key.to_user_string() for dep in spec.deps] == ["published/c360"]


def test_tables_computed_in_python_lie_between_silver_and_gold(
    specs: dict[str, dg.AssetSpec],
) -> None:
    computed = {key for key in specs if key.startswith(("identity/", "science/"))}
    assert computed | DAYS == {relation.replace(".", "/") for relation in read_computed()}
    for key in computed:
        layers = {dep.asset_key.path[0] for dep in specs[key].deps}
        assert layers <= {"silver", "science"}, key


def test_the_models_are_built_in_three_parts(definitions: dg.Definitions) -> None:
    """No more parts than needed, because each part takes a second or more.

    They are: before identity, between identity and science, after science.
    """
    steps = definitions.resolve_implicit_global_asset_job_def().graph.node_dict.values()
    names = [step.definition.name for step in steps]
    assert names.count("build_models") == 3
    assert names.count("work_out_science") == 1


def test_a_run_can_be_told_to_build_everything_anew(definitions: dg.Definitions) -> None:
    job = definitions.resolve_implicit_global_asset_job_def()
    told = configure("refresh", anew=True)
    asked = dg.validate_run_config(job, json.loads(told))
    assert asked["resources"]["extent"]["config"]["full_refresh"] is True
    as_ever = dg.validate_run_config(job, {})
    assert as_ever["resources"]["extent"]["config"]["full_refresh"] is False


def test_no_asset_of_the_pipeline_is_partitioned(specs: dict[str, dg.AssetSpec]) -> None:
    assert [key for key, spec in specs.items() if spec.partitions_def] == []


def test_definitions_are_built_without_touching_the_disk(tmp_path: Path) -> None:
    home = tmp_path / "home"
    build_definitions(read_settings({"C360_HOME": str(home)}))
    assert not home.exists()
