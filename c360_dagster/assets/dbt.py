"""3. dbt: silver and gold, every model an asset and every test of one a check on it."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import duckdb

from c360_dagster.changes import EVERYTHING, Asked, begin_build, finish_build
from c360_dagster.computed import create_computed
from c360_dagster.history.days import History
from c360_dagster.history.memberships import Memberships
from c360_dagster.imports import parts_of, without
from c360_dagster.layers import BRONZE, LAYERS
from c360_dagster.resources.dbt import (
    STANDS,
    DbtBuilder,
    Extent,
    Manifest,
    NodeResult,
    digest_project,
    is_personal,
    read_lineage,
)
from c360_dagster.resources.lineage import Column
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.rendered import Variables
from c360_dagster.resources.storage import advise, guard_storage
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings

# More than a second of imports: of dagster-dbt we need what reads the manifest.
with without("dbt"), parts_of("dagster_dbt"):
    from dagster_dbt.asset_decorator import dbt_assets
    from dagster_dbt.asset_utils import get_asset_check_key_for_test
    from dagster_dbt.dagster_dbt_translator import (
        DagsterDbtTranslator,
        DagsterDbtTranslatorSettings,
    )
    from dagster_dbt.dbt_project import DbtProject

MOST_FINDINGS = 10
LOADED = dg.AssetKey([BRONZE.name, "transactions"])
"""One of the tables that a load writes, all of them in one step."""
OWNERS = {layer.name: layer.owner for layer in LAYERS}


class LayerTranslator(DagsterDbtTranslator):
    """One name for one thing: the asset's key is the relation's schema and name."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        name = dbt_resource_props.get("alias") or dbt_resource_props["name"]
        return dg.AssetKey([dbt_resource_props["schema"], name])

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """A seed reads nothing, and waits for the load all the same.

        It would otherwise be a part of the build by itself, before everything else.
        """
        spec = super().get_asset_spec(manifest, unique_id, project)
        if self.get_resource_props(manifest, unique_id)["resource_type"] != "seed":
            return spec
        return spec.replace_attributes(deps=[LOADED])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return str(dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str] | None:
        owner = OWNERS.get(dbt_resource_props["schema"])
        return [owner] if owner else None

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> dict[str, str]:
        columns = dbt_resource_props.get("columns", {}).values()
        has_people = any(is_personal(column) for column in columns)
        layer = {"layer": str(dbt_resource_props["schema"])}
        return layer | ({"pii": ""} if has_people else {})

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return str(dbt_resource_props.get("description") or "")


def build_dbt(settings: Settings, manifest: Manifest) -> dg.AssetsDefinition:
    """The dbt project as assets, built in one go or in the parts that a selection asks for."""
    translator = LayerTranslator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))

    @dbt_assets(manifest=manifest, dagster_dbt_translator=translator, name="build_models")
    def build_models(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
        dbt: DbtBuilder,
        extent: Extent,
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        results = []
        # Seeds may be built before bronze has loaded, and then nothing is known of its files.
        has_models = _has_models(context, manifest, translator)
        run_id = context.run.run_id
        asked = Asked(run_id, digest_project(), settings.as_of, anew=extent.full_refresh)
        with contextlib.ExitStack() as held:
            # While one is open, further connections cost little; dbt itself wants the file alone.
            con = held.enter_context(warehouse.connect())
            create_computed(con)  # a model can be built before what it reads is worked out
            History(settings.history).show(con)
            Memberships(settings.memberships).show(con)
            plan = begin_build(con, asked, manifest) if has_models else EVERYTHING
            if plan.reason:
                context.log.info(plan.reason)
            with guard_storage(settings.home):
                for result in dbt.build(
                    select=_select(context, manifest, translator),
                    variables=_tell_variables(settings, run_id, plan.since),
                    scratch=settings.scratch,
                    anew=extent.full_refresh,
                    let_go=held.close,
                ):
                    results.append(result)
                    if result.is_bad:
                        context.log.error(_describe(manifest, result))
            if standing := sum(result.message == STANDS for result in results):
                context.log.info("Of %d models and tests %d stand.", len(results), standing)
            with warehouse.connect() as con:
                if has_models and not any(result.is_bad for result in results):
                    finish_build(con, asked, manifest, [result.unique_id for result in results])
                tables = _survey_tables(con)
                findings = _read_findings(con, manifest, results)
        lineage = read_lineage(manifest, results)
        for result in results:
            node = manifest["nodes"].get(result.unique_id, {})
            if node.get("resource_type") == "test":
                finding = findings.get(result.unique_id, result.message)
                yield from _report_test(context, manifest, translator, result, finding)
            elif node and result.status == "success":
                yield _report_table(
                    translator.get_asset_key(node),
                    node,
                    result,
                    tables[node["schema"], node["alias"]],
                    lineage.get(result.unique_id, {}),
                )
        _raise_failures(manifest, results, settings)

    return build_models


def _tell_variables(settings: Settings, run_id: str, since: date | None) -> Variables:
    return {
        "since": since.isoformat() if since else None,
        "as_of": settings.as_of.isoformat() if settings.as_of else None,
        "run_id": run_id,
        "published_at": settings.now().isoformat(sep=" ", timespec="seconds"),
    }


def _has_models(
    context: dg.AssetExecutionContext, manifest: Mapping[str, Any], translator: LayerTranslator
) -> bool:
    return any(
        translator.get_asset_key(node) in context.selected_asset_keys
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    )


def _select(
    context: dg.AssetExecutionContext, manifest: Mapping[str, Any], translator: LayerTranslator
) -> list[str]:
    """The dbt selection for what Dagster selected; empty for everything."""
    if not context.is_subset:
        return []
    chosen = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] in {"model", "seed"}
        and translator.get_asset_key(node) in context.selected_asset_keys
    ]
    tests = [
        node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "test"
        and get_asset_check_key_for_test(manifest, translator, unique_id, None)
        in context.selected_asset_check_keys
    ]
    return [".".join(node["fqn"]) for node in (*chosen, *tests)]


@dataclass
class _Table:
    """What the warehouse knows of a relation; the rows of a view would have to be worked out."""

    rows: int | None = None
    types: dict[str, str] = field(default_factory=dict)


def _survey_tables(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], _Table]:
    found: defaultdict[tuple[str, str], _Table] = defaultdict(_Table)
    for schema, name, rows in con.execute(
        "select schema_name, table_name, estimated_size from duckdb_tables() where not temporary"
    ).fetchall():
        found[schema, name].rows = rows
    for schema, name, column, kind in con.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where not internal"
    ).fetchall():
        found[schema, name].types[column] = kind.lower()
    return found


def _read_findings(
    con: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], results: Sequence[NodeResult]
) -> dict[str, str]:
    """What our own tests found, in words; the rows of generic tests may be people's."""
    found = {}
    for result in results:
        node = manifest["nodes"].get(result.unique_id, {})
        if not result.failures or node.get("resource_type") != "test":
            continue
        if not node.get("test_metadata"):
            rows = con.execute(f"{_failing_rows(node)} order by all limit {MOST_FINDINGS + 1}")
            found[result.unique_id] = _say_rows(rows.description or [], rows.fetchall())
    return found


def _say_rows(columns: Sequence[Sequence[Any]], rows: Sequence[Sequence[Any]]) -> str:
    said = [
        ", ".join(f"{column[0]} {cell}" for column, cell in zip(columns, row, strict=True))
        for row in rows[:MOST_FINDINGS]
    ]
    return "; ".join([*said, "…"] if len(rows) > MOST_FINDINGS else said)


def _report_test(
    context: dg.AssetExecutionContext,
    manifest: Mapping[str, Any],
    translator: LayerTranslator,
    result: NodeResult,
    finding: str,
) -> Iterator[dg.AssetCheckResult]:
    key = get_asset_check_key_for_test(manifest, translator, result.unique_id, None)
    if key and key in context.selected_asset_check_keys and result.status != "skipped":
        yield _check_result(key, manifest["nodes"][result.unique_id], result, finding)


def _report_table(
    key: dg.AssetKey,
    node: Mapping[str, Any],
    result: NodeResult,
    table: _Table,
    lineage: Mapping[str, Sequence[Column]],
) -> dg.MaterializeResult:
    metadata: dict[str, Any] = {
        "seconds": round(result.seconds, 3),
        "dagster/table_name": f"{node['schema']}.{node['alias']}",
        "dagster/storage_kind": "duckdb",
        "dagster/column_schema": _describe_columns(node, table.types),
    }
    if table.rows is not None:
        metadata["dagster/row_count"] = table.rows
    if lineage:
        metadata["dagster/column_lineage"] = _describe_lineage(lineage)
    return dg.MaterializeResult(asset_key=key, metadata=metadata)


def _describe_columns(node: Mapping[str, Any], types: Mapping[str, str]) -> dg.TableSchema:
    """The columns as they are in the warehouse, with what the project says of them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=types.get(name, column["data_type"] or "?"),
                description=column["description"],
                tags={"pii": ""} if is_personal(column) else {},
            )
            for name, column in node["columns"].items()
        ]
    )


def _describe_lineage(lineage: Mapping[str, Sequence[Column]]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        deps_by_column={
            column: [
                dg.TableColumnDep(asset_key=dg.AssetKey([schema, table]), column_name=name)
                for schema, table, name in sources
            ]
            for column, sources in lineage.items()
        }
    )


def _check_result(
    key: dg.AssetCheckKey, node: Mapping[str, Any], result: NodeResult, finding: str
) -> dg.AssetCheckResult:
    is_warning = str(node["config"].get("severity", "error")).lower() == "warn"
    metadata: dict[str, Any] = {"dbt_test": node["name"], "status": result.status}
    if result.failures:
        metadata |= {"failures": result.failures, "look_at": _failing_rows(node)}
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result.status == "pass",
        severity=dg.AssetCheckSeverity.WARN if is_warning else dg.AssetCheckSeverity.ERROR,
        description=finding if result.status != "pass" else None,
        metadata=metadata,
    )


def _failing_rows(node: Mapping[str, Any]) -> str:
    return f"select * from {node['schema']}.{node['alias']}"


def _raise_failures(
    manifest: Mapping[str, Any], results: list[NodeResult], settings: Settings
) -> None:
    bad = [_describe(manifest, result) for result in results if result.is_bad]
    if bad:
        advice = advise(" ".join(bad), settings.home)
        said = "\n".join([*bad, advice] if advice else bad)
        raise dg.Failure(description=said, allow_retries=False)


def _describe(manifest: Mapping[str, Any], result: NodeResult) -> str:
    """Names the model, the test and where its rows are, with what dbt said."""
    node = manifest["nodes"].get(result.unique_id)
    if node is None:
        return f"{result.unique_id}: {result.message}"
    said = f"{node['resource_type']} {node['name']}: {result.message}"
    if node["resource_type"] != "test" or not result.failures:
        return said
    models = ", ".join(name.split(".")[-1] for name in node["depends_on"]["nodes"])
    return f"{said}, on {models}; look at them with: {_failing_rows(node)}"
