"""The asset of past days: one run records one day or a range of days, in order."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from c360_dagster.audiences.declarations import AudienceError
from c360_dagster.history.days import MART, Day, History, HistoryError, specify_history
from c360_dagster.history.memberships import Memberships
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings

if TYPE_CHECKING:
    from c360_dagster.history.past import Past


def build_backfill(settings: Settings) -> dg.AssetsDefinition:
    """Returns the asset of past days. The pipeline records its own day when it publishes."""

    @dg.multi_asset(
        name="record_days",
        specs=[specify_history(dg.AssetKey(MART.split("."))).replace_attributes(skippable=True)],
        partitions_def=dg.DailyPartitionsDefinition(
            start_date=settings.start_date.isoformat(), timezone=settings.timezone, end_offset=1
        ),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def record_days(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
    ) -> Iterator[dg.MaterializeResult]:
        # Imports the whole pipeline, which is not needed if the UI only shows the calendar.
        from c360_dagster.history.past import open_past  # noqa: PLC0415

        history = History(settings.history)
        days = [date.fromisoformat(key) for key in sorted(context.partition_keys)]
        try:
            with open_past(settings, warehouse) as past:
                past.check(days)
                for day in days:
                    recorded = _record(context, past, history, day, is_first=day == days[0])
                    context.log_event(recorded.report())
        except (AudienceError, HistoryError) as problem:
            raise dg.Failure(description=str(problem), allow_retries=False) from None
        finally:
            with warehouse.connect() as con:
                history.create_view(con)
                Memberships(settings.memberships).create_view(con)
        context.log.info(
            "%s. `make refresh` counts who moved, and publishes.",
            f"{len(days)} days are recorded, {days[0]} to {days[-1]}"
            if len(days) > 1
            else f"1 day is recorded, {days[0]}",
        )
        yield from ()

    return record_days


def _record(
    context: dg.AssetExecutionContext, past: "Past", history: History, day: date, *, is_first: bool
) -> Day:
    try:
        recorded = past.run_day(day, history)
    except HistoryError as problem:
        others = "" if is_first else " The days before it are."
        raise HistoryError(f"{day} is not recorded: {problem}{others}") from None
    context.log.info("%s: %s customers.", day, f"{recorded.customers:,}")
    return recorded
