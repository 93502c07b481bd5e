"""7. The model card: how good the estimates are, as a page in published/ and in the graph."""

import json
from base64 import b64encode
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl

from c360_dagster.layers import GOLD, PUBLISHED, SCIENCE
from c360_dagster.resources.atomic_files import replace_file
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.science.model_card import Evidence, write_card
from c360_dagster.settings import Settings
from c360_dagster.sql import fetch_row

READS = {
    SCIENCE.name: (
        "segment_evaluation",
        "forecast_evaluation",
        "suggestion_evaluation",
        "campaign_evaluation",
        "parameters",
        "stability",
        "calibration",
        "centroids",
    ),
    GOLD.name: ("revenue_by_cluster", "publication"),
}


def build_model_card(settings: Settings) -> dg.AssetsDefinition:
    """Builds the model card, which is written beside the published files and after them.

    So it never describes a run that failed.
    """

    @dg.asset(
        key=[PUBLISHED.name, "model_card"],
        deps=[
            [PUBLISHED.name, "c360"],
            *([schema, table] for schema, tables in READS.items() for table in tables),
        ],
        group_name=PUBLISHED.name,
        owners=[PUBLISHED.owner],
        kinds={"markdown"},
        tags={"layer": PUBLISHED.name},
        description="A page on the estimates: from what, how good, and what the segments are like.",
    )
    def write_model_card(
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
    ) -> dg.MaterializeResult[None]:
        with warehouse.connect() as con:
            evidence = _gather(con)
        folder = settings.published / "model_card"
        folder.mkdir(parents=True, exist_ok=True)
        page = folder.with_suffix(".md")
        text = write_card(evidence, lambda name, svg: _put_chart(folder, name, svg))
        replace_file(page, text)
        return dg.MaterializeResult(
            metadata={
                "dagster/uri": dg.MetadataValue.url(page.as_uri()),
                "model_card": dg.MetadataValue.md(write_card(evidence, _embed_chart)),
            }
        )

    return write_model_card


def _gather(con: duckdb.DuckDBPyConnection) -> Evidence:
    as_of, customers, orders = fetch_row(
        con,
        "select as_of_date, customers, "
        "(select count(*) from gold.fct_orders where is_counted) from gold.publication",
    ) or (None, 0, 0)
    evaluations = " union all ".join(
        f"select {place} as place, * from science.{table}"
        for place, table in enumerate(name for name in READS[SCIENCE.name] if "_evaluation" in name)
    )
    parameters = con.execute("select name, text from science.parameters order by name").fetchall()
    return Evidence(
        as_of=as_of,
        customers=customers,
        orders=orders,
        evaluations=_frame(
            con,
            "select distinct place, check_name, is_passed, said "
            f"from ({evaluations}) order by place, check_name",
        ),
        parameters={name: json.loads(text) for name, text in parameters},
        stability=_frame(con, "select * from science.stability order by clusters"),
        calibration=_frame(con, "select * from science.calibration order by against, tenth"),
        clusters=_frame(con, "select * from gold.revenue_by_cluster order by cluster_id"),
        centroids=_frame(con, "select * from science.centroids"),
    )


def _frame(con: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    frame: pl.DataFrame = con.sql(query).pl()
    return frame


def _put_chart(folder: Path, name: str, svg: str) -> str:
    replace_file(folder / f"{name}.svg", svg)
    return f"{folder.name}/{name}.svg"


def _embed_chart(_name: str, svg: str) -> str:
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()
