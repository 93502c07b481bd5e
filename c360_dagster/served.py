"""What `make ui` and `make backfill` load: the pipeline, and past days, which are partitioned.

Kept apart from definitions.py, where one partitioned asset would make `--select '*'` fail.
"""

import dagster as dg

from c360_dagster import definitions
from c360_dagster.history.backfill import build_backfill
from c360_dagster.history.days import KEY
from c360_dagster.layers import watch
from c360_dagster.settings import Settings, read_settings


def add_days(road: dg.Definitions, settings: Settings) -> dg.Definitions:
    """Replaces the asset of past days, which the pipeline only reads, by one that can be made."""
    others = [
        assets
        for assets in road.assets or ()
        if not (isinstance(assets, dg.AssetsDefinition) and KEY in assets.keys)
    ]
    return dg.Definitions(
        assets=[*others, *watch([build_backfill(settings)])],
        asset_checks=road.asset_checks,
        resources=road.resources,
        jobs=road.jobs,
        schedules=road.schedules,
        sensors=road.sensors,
        executor=road.executor,
    )


defs = add_days(definitions.defs, read_settings())
