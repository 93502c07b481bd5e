"""3. dbt: silver and gold; every model is an asset and every test of a model is a check on it."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import dagster as dg
import duckdb

from c360_dagster.assets.dbt_results import (
    describe,
    drop_removed_tests,
    report_table,
    report_test,
    say_demand,
)
from c360_dagster.building.changes import EVERYTHING, BuildRequest, begin_build, finish_build
from c360_dagster.building.computed import create_computed
from c360_dagster.dbt_runner.build import STANDS, DbtBuilder, Extent
from c360_dagster.dbt_runner.dbt_project import (
    Manifest,
    digest_project,
    is_personal,
    read_stamp,
)
from c360_dagster.dbt_runner.invocation import NodeResult
from c360_dagster.dbt_runner.lineage_cache import LineageCache
from c360_dagster.dbt_runner.rendered import Variables
from c360_dagster.history.days import History
from c360_dagster.history.memberships import Memberships
from c360_dagster.imports import parts_of, without
from c360_dagster.layers import BRONZE, LAYERS
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.storage import advise, guard_storage
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings

# Saves more than a second: of dagster-dbt, only the part that reads the manifest is needed.
with without("dbt"), parts_of("dagster_dbt"):
    from dagster_dbt.asset_decorator import dbt_assets
    from dagster_dbt.asset_utils import get_asset_check_key_for_test
    from dagster_dbt.dagster_dbt_translator import (
        DagsterDbtTranslator,
        DagsterDbtTranslatorSettings,
    )
    from dagster_dbt.dbt_project import DbtProject

LOADED = dg.AssetKey([BRONZE.name, "transactions"])
"""One of the tables that a load writes; it stands for all, because one step writes them."""
OWNERS = {layer.name: layer.owner for layer in LAYERS}


class LayerTranslator(DagsterDbtTranslator):
    """Takes the relation's schema and name as the asset's key, so that both have one name."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        name = dbt_resource_props.get("alias") or dbt_resource_props["name"]
        return dg.AssetKey([dbt_resource_props["schema"], name])

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Makes seeds wait for the load, although they read nothing.

        Otherwise they would be a separate part of the build, before everything else.
        """
        spec = super().get_asset_spec(manifest, unique_id, project)
        if self.get_resource_props(manifest, unique_id)["resource_type"] != "seed":
            return spec
        return spec.replace_attributes(deps=[LOADED])

    def get_asset_check_spec(
        self,
        asset_spec: dg.AssetSpec,
        manifest: Mapping[str, Any],
        unique_id: str,
        project: DbtProject | None,
    ) -> dg.AssetCheckSpec | None:
        """Adds what the test demands; dagster-dbt takes a description from its `meta` only."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        demand = say_demand(self.get_resource_props(manifest, unique_id))
        return spec and spec._replace(description=demand)

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


@dataclass(frozen=True)
class _Part:
    """The part of the project that a step builds, and how its results are reported."""

    context: dg.AssetExecutionContext
    manifest: Manifest
    translator: DagsterDbtTranslator

    @cached_property
    def models_and_seeds(self) -> list[Mapping[str, Any]]:
        return [
            node
            for node in self.manifest["nodes"].values()
            if node["resource_type"] in {"model", "seed"}
            and self.translator.get_asset_key(node) in self.context.selected_asset_keys
        ]

    @property
    def has_models(self) -> bool:
        return any(node["resource_type"] == "model" for node in self.models_and_seeds)

    def select(self) -> list[str]:
        """The dbt selection for what Dagster selected; empty for everything."""
        if not self.context.is_subset:
            return []
        tests = [
            node
            for unique_id, node in self.manifest["nodes"].items()
            if node["resource_type"] == "test" and self._is_selected(self._find_check(unique_id))
        ]
        return [".".join(node["fqn"]) for node in (*self.models_and_seeds, *tests)]

    def report(
        self, con: duckdb.DuckDBPyConnection, result: NodeResult, lineage: LineageCache
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        node = self.manifest["nodes"].get(result.unique_id, {})
        if node.get("resource_type") == "test":
            key = self._find_check(result.unique_id)
            if key and self._is_selected(key) and result.status != "skipped":
                yield report_test(con, key, node, result)
        elif node and result.status == "success":
            asset, columns = self.translator.get_asset_key(node), lineage.find(result)
            yield report_table(con, asset, node, result, columns)

    def _find_check(self, test: str) -> dg.AssetCheckKey | None:
        return get_asset_check_key_for_test(self.manifest, self.translator, test, None)

    def _is_selected(self, check: dg.AssetCheckKey | None) -> bool:
        return check in self.context.selected_asset_check_keys


def build_dbt(settings: Settings, manifest: Manifest) -> dg.AssetsDefinition:
    """Returns the dbt project as assets, built in one go or in the parts that are selected."""
    translator = LayerTranslator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))

    @dbt_assets(manifest=manifest, dagster_dbt_translator=translator, name="build_models")
    def build_models(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
        dbt: DbtBuilder,
        extent: Extent,
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        results: list[NodeResult] = []
        unreported: list[NodeResult] = []
        part = _Part(context, manifest, translator)
        run_id = context.run.run_id
        # What was parsed is built, even if somebody edits the project meanwhile.
        project = read_stamp() or digest_project()
        request = BuildRequest(run_id, project, settings.as_of, anew=extent.full_refresh)
        lineage = LineageCache(manifest)
        with contextlib.ExitStack() as held:
            # While one connection is open, others cost little. dbt needs the file for itself.
            con = held.enter_context(warehouse.connect())
            create_computed(con)  # a model may be built before what it reads is computed
            History(settings.history).create_view(con)
            Memberships(settings.memberships).create_view(con)
            # If only seeds are built, bronze may not be loaded and nothing known about its files.
            plan = begin_build(con, request, manifest) if part.has_models else EVERYTHING
            if plan.reason:
                context.log.info(plan.reason)
            with guard_storage(settings.home):
                for result in dbt.build(
                    select=part.select(),
                    variables=_list_variables(settings, run_id, plan.since),
                    scratch=settings.scratch,
                    anew=extent.full_refresh,
                    close_connection=held.close,
                ):
                    results.append(result)
                    if result.is_bad:
                        context.log.error(describe(manifest, result))
                    # Dagster takes no table before its inputs: if one waits, all later ones wait.
                    if unreported or result.is_connection_closed or not lineage.knows(result):
                        unreported.append(result)
                    else:
                        yield from part.report(con, result, lineage)
            if standing := sum(result.message == STANDS for result in results):
                context.log.info(
                    "Of %d models and tests %d are kept as they are.",
                    len(results),
                    standing,
                )
            with warehouse.connect() as con:
                if part.has_models and not any(result.is_bad for result in results):
                    finish_build(con, request, manifest, [result.unique_id for result in results])
                drop_removed_tests(con, manifest)
                lineage.trace(unreported)
                for result in unreported:
                    yield from part.report(con, result, lineage)
        _raise_failures(manifest, results, settings)

    return build_models


def _list_variables(settings: Settings, run_id: str, since: date | None) -> Variables:
    return {
        "since": since.isoformat() if since else None,
        "as_of": settings.as_of.isoformat() if settings.as_of else None,
        "run_id": run_id,
        "published_at": settings.now().isoformat(sep=" ", timespec="seconds"),
    }


def _raise_failures(manifest: Manifest, results: list[NodeResult], settings: Settings) -> None:
    bad = [describe(manifest, result) for result in results if result.is_bad]
    if bad:
        advice = advise(" ".join(bad), settings.home)
        description = "\n".join([*bad, advice] if advice else bad)
        raise dg.Failure(description=description, allow_retries=False)
