"""Stock parts only: the multiprocess executor, `@dbt_assets`, `DbtCliResource`, plain connections.

The Python steps are the limit's own functions, so only what surrounds the work is compared. The
only checks are dbt's tests, and dbt is not asked for row counts: both would cost more time.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

import mock_data
from bench import limit
from bench.plan import PYTHON_READS, STEP_OF_TABLE
from c360_dagster.building.computed import create_computed, read_computed
from c360_dagster.checks.truth import Truth
from c360_dagster.dbt_runner.dbt_project import PROJECT, is_personal, read_manifest
from c360_dagster.publishing.publication import KnownTables, publish
from c360_dagster.settings import read_settings
from landing_contract import read_contract

settings = read_settings()
dbt_command = Path(sys.executable).parent / "dbt"
project = DbtProject(PROJECT, target_path=settings.home / "target")
manifest = read_manifest()
models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
gold = [node for node in models if node["schema"] == "gold"]
schemas = {node["alias"]: node["schema"] for node in models}


@dg.asset
def landing() -> None:
    mock_data.generate(settings.home, **settings.simulation_options)


@dg.multi_asset(
    specs=[dg.AssetSpec(["bronze", table], deps=[landing]) for table in read_contract()]
)
def bronze() -> Iterator[dg.MaterializeResult]:
    with duckdb.connect(str(settings.warehouse)) as con:
        limit.read_landing(con, settings.landing)
        create_computed(con)
    for table in read_contract():
        yield dg.MaterializeResult(asset_key=["bronze", table])


@dbt_assets(manifest=project.manifest_path)
def build_models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[object]:
    # `buildable` puts off a test of two tables that different steps build; in the first of these
    # steps it would fail.
    options = ["--exclude-resource-type", "unit_test", "--indirect-selection", "buildable"]
    yield from dbt.cli(["build", *options], context=context).stream()


def compute(name: str, work: limit.Work) -> dg.AssetsDefinition:
    """Returns the asset of one of the steps that Python does."""
    made = [
        table.relation.split(".")
        for table in read_computed().values()
        if (table.schema if table.schema == name else STEP_OF_TABLE.get(table.name)) == name
    ]
    reads = [dg.AssetKey([schemas[model], model]) for model in PYTHON_READS[name]]
    if name == "effects":
        reads.append(dg.AssetKey(["science", "segments"]))

    @dg.multi_asset(name=name, specs=[dg.AssetSpec(key, deps=reads) for key in made])
    def step() -> Iterator[dg.MaterializeResult]:
        with duckdb.connect(str(settings.warehouse)) as con:
            work(con, Truth(settings.truth))
        for key in made:
            yield dg.MaterializeResult(asset_key=key)

    return step


@dg.asset(deps=[["gold", node["alias"]] for node in gold])
def published() -> None:
    personal = {
        node["alias"]: frozenset(n for n, column in node["columns"].items() if is_personal(column))
        for node in gold
    }
    with duckdb.connect(str(settings.warehouse)) as con:
        publish(con, settings.published, run="stock", known=KnownTables(personal))


defs = dg.Definitions(
    assets=[
        landing,
        bronze,
        build_models,
        *(compute(name, work) for name, work in limit.PYTHON_STEPS.items()),
        published,
    ],
    resources={"dbt": DbtCliResource(project_dir=project, dbt_executable=str(dbt_command))},
    # A DuckDB file has only one writer, so two steps at once would lock each other out.
    executor=dg.multiprocess_executor.configured({"max_concurrent": 1}),
)
