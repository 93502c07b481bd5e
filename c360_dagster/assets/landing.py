"""1. Landing: simulates the retailer unless landing holds other files, and lists what is there."""

from collections.abc import Callable, Iterable, Iterator

import dagster as dg

from c360_dagster.assets.describe import describe_table, markdown_table, tag_table
from c360_dagster.layers import LANDING
from c360_dagster.loading.files import find_files
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.storage import guard_storage
from c360_dagster.settings import Settings, SettingsError
from landing_contract import Table, read_contract


def build_landing(settings: Settings) -> dg.AssetsDefinition:
    """One asset per landing table, filled by one simulation."""
    contract = read_contract()

    @dg.multi_asset(
        name="simulate_landing",
        specs=[_specify(table) for table in contract.values()],
        can_subset=True,
    )
    def simulate_landing(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
    ) -> Iterator[dg.MaterializeResult]:
        if doubt := _doubt_emptiness(settings, contract.values()):
            context.log.warning(doubt)
        else:
            context.log.info(_simulate(settings, context.log.info))
        for key in sorted(context.selected_asset_keys):
            table = contract[key.path[-1]]
            yield dg.MaterializeResult(asset_key=key, metadata=_describe_files(settings, table))

    return simulate_landing


def _doubt_emptiness(settings: Settings, tables: Iterable[Table]) -> str:
    """Says why the simulator should not fill an empty landing; empty if it may.

    If people have ids and nobody simulated them, somebody's own files were there: perhaps their
    disk is not mounted, or they were taken away after they were loaded.
    """
    is_ones_own = settings.registry.exists() and not settings.truth.exists()
    if not is_ones_own or any(find_files(settings.landing, table) for table in tables):
        return ""
    return (
        f"Nothing generated: {settings.landing} holds no file that belongs to a table, and files "
        "of your own were loaded before. If it is on another disk, mount that disk; simulated "
        "rows are never mixed with others."
    )


def _simulate(settings: Settings, progress: Callable[[str], None]) -> str:
    import mock_data  # noqa: PLC0415  slow, and needed only to simulate

    try:
        with guard_storage(settings.home):
            simulated = mock_data.generate(
                settings.home, **settings.simulation_options, progress=progress
            )
            return simulated.message
    except mock_data.WorldError as problem:
        raise SettingsError(
            f"Nothing is simulated: {problem} C360_START_DATE and C360_END_DATE say which."
        ) from None


def _specify(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=[LANDING.name, table.name],
        group_name=LANDING.name,
        owners=[LANDING.owner],
        kinds={"excel"} if table.is_workbook else {"csv"},
        description=f"{table.description} Files: {table.folder}/{table.file_stem}*.",
        metadata=describe_table(table),
        tags=tag_table(table, LANDING),
    )


def _describe_files(settings: Settings, table: Table) -> dict[str, dg.MetadataValue]:
    files = find_files(settings.landing, table)
    sizes = [(file.name, f"{file.size:,}") for file in files]
    newest = files[-1].path if files else settings.landing / table.folder
    return {
        "dagster/uri": dg.MetadataValue.url(newest.as_uri()),
        "files": dg.MetadataValue.int(len(files)),
        "bytes": dg.MetadataValue.int(sum(file.size for file in files)),
        "listing": dg.MetadataValue.md(markdown_table(("file", "bytes"), sizes)),
    }
