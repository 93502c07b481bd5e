"""Assembles Dagster's definitions from the settings; what an asset does is in assets/."""

import sys
import warnings

import dagster as dg

from c360_dagster.assets.audiences import build_audiences
from c360_dagster.assets.bronze import build_bronze
from c360_dagster.assets.daily_report import build_daily_report
from c360_dagster.assets.dbt import build_dbt
from c360_dagster.assets.identity import build_identity
from c360_dagster.assets.landing import build_landing
from c360_dagster.assets.model_card import build_model_card
from c360_dagster.assets.publish import build_publication
from c360_dagster.assets.science import build_science
from c360_dagster.audiences.declarations import AudienceError
from c360_dagster.automation import build_automation
from c360_dagster.checks.recency import build_recency
from c360_dagster.dbt_runner.build import DbtBuilder, Extent
from c360_dagster.dbt_runner.dbt_project import DbtError, read_manifest
from c360_dagster.history.days import specify_history
from c360_dagster.history.memberships import specify_changes
from c360_dagster.imports import reduce_garbage_collection
from c360_dagster.layers import add_freshness
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings, SettingsError, read_settings

# `kinds`, `owners` and the like are still marked as previews in this version of Dagster.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)


def build_definitions(settings: Settings) -> dg.Definitions:
    """Builds the whole pipeline for one set of settings."""
    automation = build_automation(settings)
    manifest = read_manifest()
    return dg.Definitions(
        assets=add_freshness(
            [
                build_landing(settings),
                build_bronze(settings),
                build_dbt(settings, manifest),
                build_identity(settings),
                build_science(settings),
                build_publication(settings, manifest),
                build_model_card(settings),
                build_daily_report(settings, manifest),
                *build_audiences(settings, manifest),
                *(
                    dg.AssetsDefinition(specs=[spec])
                    for spec in (specify_history(), specify_changes())
                ),
            ]
        ),
        asset_checks=[build_recency(settings, manifest)],
        resources={
            "lock": HomeLock(home=str(settings.home), timeout=settings.lock_timeout),
            "dbt": DbtBuilder(warehouse=str(settings.warehouse), mode=settings.dbt),
            "extent": Extent(),
            "warehouse": Warehouse(
                path=str(settings.warehouse),
                timezone=settings.timezone,
                scratch=str(settings.scratch),
                timeout=settings.lock_timeout,
            ),
        },
        jobs=automation.jobs,
        schedules=automation.schedules,
        sensors=automation.sensors,
        executor=dg.in_process_executor,
    )


def build_or_exit() -> dg.Definitions:
    """Returns the definitions for this environment, or exits with one sentence about the error."""
    reduce_garbage_collection()
    try:
        return build_definitions(read_settings())
    except (SettingsError, AudienceError, DbtError) as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(1) from None


defs = build_or_exit()
