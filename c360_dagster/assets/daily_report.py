"""8. The daily report: what happened, as one page in published/ that opens without a server."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from c360_dagster.daily_report.facts import ReportFigures, take_figures
from c360_dagster.daily_report.figures import FiguresError, read_figures, write_figures
from c360_dagster.daily_report.gather import EVALUATIONS, gather
from c360_dagster.daily_report.page import write_page
from c360_dagster.dbt_runner.dbt_project import Manifest
from c360_dagster.layers import GOLD, PUBLISHED, SCIENCE
from c360_dagster.loading.files import name_files
from c360_dagster.resources.atomic_files import replace_file
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings
from landing_contract import read_contract

READS = {
    GOLD.name: (
        "publication",
        "reporting_currency",
        "fct_orders",
        "fct_shipments",
        "fct_support_tickets",
        "dim_customers",
        "dim_stores",
        "mart_customer_360",
        "revenue_by_cluster",
        "segment_migrations",
        "customer_merges",
        "identity_review",
        "reconciliation",
    ),
    SCIENCE.name: EVALUATIONS,
}


def build_daily_report(settings: Settings, manifest: Manifest) -> dg.AssetsDefinition:
    """Builds the report, which is written after everything else.

    Like the model card, it therefore never describes a run that failed.
    """
    asked = describe_tests(manifest)

    @dg.asset(
        key=[PUBLISHED.name, "daily_report"],
        deps=[
            [PUBLISHED.name, "c360"],
            *([schema, table] for schema, tables in READS.items() for table in tables),
        ],
        group_name=PUBLISHED.name,
        owners=[PUBLISHED.owner],
        kinds={"html"},
        tags={"layer": PUBLISHED.name},
        description=(
            "The day on one page: published/report.html, and one of each day in reports/. It needs "
            "no server, and nobody is named in it."
        ),
    )
    def write_daily_report(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
    ) -> dg.MaterializeResult[None]:
        present = name_files(settings.landing, read_contract().values())
        with warehouse.connect() as con:
            facts = gather(con, asked, present)
        newest, folder = settings.published / "report.html", settings.published / "reports"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        previous = _read_previous(folder, facts.as_of, context.log)
        page = write_page(facts, previous)
        replace_file(folder / f"{facts.as_of}.json", write_figures(take_figures(facts)))
        replace_file(folder / f"{facts.as_of}.html", page)
        replace_file(newest, page)
        _delete_old_reports(folder, facts.as_of - timedelta(days=settings.keep_days), previous)
        today = facts.sales.get(facts.as_of)
        return dg.MaterializeResult(
            metadata={
                "dagster/uri": dg.MetadataValue.url(newest.as_uri()),
                "page": dg.MetadataValue.path(newest),
                "as_of": facts.as_of.isoformat(),
                "revenue": float(today.revenue) if today else 0.0,
                "orders": today.orders if today else 0,
                "customers": facts.customers,
                "tickets_open": facts.service.tickets_open,
                "rows_rejected": facts.health.rows_rejected,
            }
        )

    return write_daily_report


def describe_tests(manifest: Manifest) -> dict[str, str]:
    """Returns what each dbt test asks, in words, by the table that holds the test's findings."""
    return {
        node["alias"]: node["description"] or _describe_generic(node)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
    }


def _describe_generic(node: Mapping[str, Any]) -> str:
    """Words for a test without a description: `order_id of fct_shipments (relationships)`."""
    model = str(node.get("attached_node") or "").split(".")[-1]
    column, kind = node.get("column_name"), (node.get("test_metadata") or {}).get("name", "")
    if not model:
        return str(node["name"]).replace("_", " ")
    where = f"{column} of {model}" if column else model
    return f"{where} ({kind.replace('_', ' ')})"


def _read_previous(folder: Path, as_of: date, log: dg.DagsterLogManager) -> ReportFigures | None:
    """Returns the figures of the last report of an earlier day.

    It skips reports of the same day, so that a day's second run compares with the same one.
    """
    for path in sorted(folder.glob("*.json"), reverse=True):
        if path.stem >= as_of.isoformat():
            continue
        try:
            return read_figures(path.read_bytes())
        except FiguresError as problem:
            log.warning("%s is passed over: %s.", path, problem)
    return None


def _delete_old_reports(folder: Path, oldest: date, previous: ReportFigures | None) -> None:
    """Deletes reports older than the logs that are kept, because people's ids are in them.

    The report that was compared with stays.
    """
    for path in (*folder.glob("*.html"), *folder.glob("*.json")):
        if path.stem < oldest.isoformat() and not (
            previous and path.stem == previous.as_of.isoformat()
        ):
            path.unlink()
