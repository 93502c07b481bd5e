"""2. Bronze: loads every new or changed landing file and says what became of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import duckdb

from c360_dagster.assets.describe import MASK, describe_table, markdown_table, tag_table
from c360_dagster.checks.loads import check_load, specify_load_checks
from c360_dagster.imports import import_ahead
from c360_dagster.layers import BRONZE, LANDING
from c360_dagster.loading.bronze import load_tables
from c360_dagster.loading.load_log import FileLoad, LoadRun, TableLoad, invalidate_other_zones
from c360_dagster.loading.schema import create_bronze
from c360_dagster.loading.unknown_files import explain_unknown_file, find_unknown_files
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings
from c360_dagster.sql import fetch_count, quote
from landing_contract import Table, read_contract

PREVIEW_ROWS = 5
NEEDED_LATER = {
    "resolve_identities": ("splink", "scipy.sparse.csgraph"),
    "work_out_science": ("scipy.optimize", "scipy.special"),
}
"""What later steps import if something new was loaded; the imports take half a second in all."""


def build_bronze(settings: Settings) -> dg.AssetsDefinition:
    """One asset per bronze table, filled by one pass over landing."""
    contract = read_contract()

    @dg.multi_asset(
        name="load_bronze",
        specs=[_specify(table) for table in contract.values()],
        check_specs=[spec for table in contract.values() for spec in specify_load_checks(table)],
        can_subset=True,
    )
    def load_bronze(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        asked = context.selected_asset_check_keys
        wanted = context.selected_asset_keys | {check.asset_key for check in asked}
        run = LoadRun(context.run.run_id, settings.now, settings.scratch)
        for name in find_unknown_files(settings.landing, contract):
            context.log.warning("landing/%s", explain_unknown_file(name, contract))
        with warehouse.connect() as con:
            create_bronze(con, contract.values())
            if zones := invalidate_other_zones(con):
                context.log.warning(
                    "C360_TIMEZONE is %s and was %s: the files in landing are loaded again.",
                    settings.timezone,
                    ", ".join(zones),
                )
            selected = [
                table
                for table in contract.values()
                if dg.AssetKey([BRONZE.name, table.name]) in wanted
            ]
            is_new = False
            for load in load_tables(con, settings.landing, selected, run):
                if load.having("loaded") and not is_new:
                    is_new = True
                    import_ahead(list_needed_later(context.job_def))
                for sentence in say_load(load):
                    context.log.warning(sentence)
                table = contract[load.table]
                key = dg.AssetKey([BRONZE.name, table.name])
                checks = list(check_load(con, table, load))
                if key in context.selected_asset_keys:
                    metadata = _describe_load(con, settings, table, load)
                    yield dg.MaterializeResult(
                        asset_key=key, metadata=metadata, check_results=checks
                    )
                else:  # only a check was asked for, and it is about the files in landing now
                    yield from (
                        each
                        for each in checks
                        if dg.AssetCheckKey(key, str(each.check_name)) in asked
                    )

    return load_bronze


def say_load(load: TableLoad) -> Iterator[str]:
    """Says what people should know about the files; what many share is said of the first only."""
    repeated = load.having("repeated")
    yield from (file.message for file in load.files if file.message and file not in repeated)
    if repeated:
        yield f"{repeated[0].message}{_count_more(repeated, ' The same is true of {} more.')}"
    without: dict[tuple[str, ...], list[FileLoad]] = {}
    for file in load.files:
        without.setdefault(file.unknown_columns, []).append(file)
    for columns, files in without.items():
        if columns:
            yield (
                f"{files[0].name}{_count_more(files, ' and {} more')}: loaded without "
                f"{', '.join(columns)}: docs/your-own-data.md lists the columns of {load.table}."
            )


def _count_more(files: Sequence[FileLoad], words: str) -> str:
    return words.format(f"{len(files) - 1:,}") if len(files) > 1 else ""


def list_needed_later(job: dg.JobDefinition) -> list[str]:
    """Returns what the steps of this job import."""
    return [
        module
        for step, modules in NEEDED_LATER.items()
        if job.has_node_named(step)
        for module in modules
    ]


def _specify(table: Table) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=[BRONZE.name, table.name],
        deps=[dg.AssetKey([LANDING.name, table.name])],
        group_name=BRONZE.name,
        owners=[BRONZE.owner],
        kinds=set(BRONZE.kinds),
        description=f"{table.description} Typed by the contract, with file and record of origin.",
        metadata={
            **describe_table(table),
            "dagster/table_name": f"{BRONZE.name}.{table.name}",
            "dagster/storage_kind": "duckdb",
        },
        tags=tag_table(table, BRONZE),
    )


def _describe_load(
    con: duckdb.DuckDBPyConnection, settings: Settings, table: Table, load: TableLoad
) -> dict[str, dg.MetadataValue]:
    loaded = load.having("loaded")
    newest = load.files[-1].name if load.files else table.folder
    files = [
        (file.name, file.status, file.rows_read, file.rows_loaded, file.rows_rejected, file.message)
        for file in load.files
    ]
    header = ("file", "status", "read", "loaded", "rejected", "message")
    return {
        "dagster/row_count": dg.MetadataValue.int(
            fetch_count(con, f"select count(*) from {BRONZE.name}.{quote(table.name)}")
        ),
        "dagster/uri": dg.MetadataValue.url(Path(settings.landing / newest).as_uri()),
        "rows_read": dg.MetadataValue.int(sum(file.rows_read for file in loaded)),
        "rows_loaded": dg.MetadataValue.int(sum(file.rows_loaded for file in loaded)),
        "rows_rejected": dg.MetadataValue.int(sum(file.rows_rejected for file in loaded)),
        "files": dg.MetadataValue.md(markdown_table(header, files)),
        "preview": dg.MetadataValue.md(_preview(con, table, show_pii=settings.show_pii)),
    }


def _preview(con: duckdb.DuckDBPyConnection, table: Table, *, show_pii: bool) -> str:
    columns = ", ".join(quote(name) for name in table.column_names)
    rows = con.execute(
        f"select {columns} from {BRONZE.name}.{quote(table.name)} limit {PREVIEW_ROWS}"
    ).fetchall()
    hidden = [column.is_pii and not show_pii for column in table.columns]
    masked = [
        [
            MASK if hide and cell is not None else cell
            for cell, hide in zip(row, hidden, strict=True)
        ]
        for row in rows
    ]
    return markdown_table(table.column_names, masked)
