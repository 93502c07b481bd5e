"""What `make ui` and `make backfill` load: the pipeline, and past days, which are partitioned.

Kept apart from definitions.py, where one partitioned asset would make `--select '*'` fail.
"""

import dagster as dg

from c360_dagster import definitions
from c360_dagster.history.backfill import build_backfill
from c360_dagster.history.days import KEY
from c360_dagster.layers import add_freshness
from c360_dagster.settings import Settings, read_settings


def add_days(pipeline: dg.Definitions, settings: Settings) -> dg.Definitions:
    """Replaces the asset of past days, which the pipeline only reads, by one that can be made."""
    others = [
        assets
        for assets in pipeline.assets or ()
        if not (isinstance(assets, dg.AssetsDefinition) and KEY in assets.keys)
    ]
    return dg.Definitions(
        assets=[*others, *add_freshness([build_backfill(settings)])],
        asset_checks=pipeline.asset_checks,
        resources=pipeline.resources,
        jobs=pipeline.jobs,
        schedules=pipeline.schedules,
        sensors=pipeline.sensors,
        executor=pipeline.executor,
    )


defs = add_days(definitions.defs, read_settings())
