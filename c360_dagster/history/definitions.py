"""What `make backfill` loads: the past days alone, for the road's own assets ask for no date."""

import sys

import dagster as dg

from c360_dagster.history.backfill import build_backfill
from c360_dagster.layers import watch
from c360_dagster.resources.dbt import DbtError
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings, SettingsError, read_settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """The past days for one set of settings."""
    return dg.Definitions(
        assets=watch([build_backfill(settings)]),
        resources={
            "lock": HomeLock(home=str(settings.home), timeout=settings.lock_timeout),
            "warehouse": Warehouse(
                path=str(settings.warehouse),
                timezone=settings.timezone,
                scratch=str(settings.scratch),
                timeout=settings.lock_timeout,
            ),
        },
        executor=dg.in_process_executor,
    )


def build_or_exit() -> dg.Definitions:
    """The definitions for this environment, or one sentence that says what stands in their way."""
    try:
        return build_definitions(read_settings())
    except (SettingsError, DbtError) as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(1) from None


defs = build_or_exit()
