"""5. Science: segments, forecasts, recommendations and effects, each from one pure call.

All of it is one step, of which any table can be chosen: a Python step among dbt's models parts
them, and each part of dbt's costs a second.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from c360_dagster.assets.describe import markdown_table, specify_computed
from c360_dagster.checks.science import (
    calibrate,
    check_effects,
    check_forecasts,
    check_recommendations,
    check_segments,
    specify_science_checks,
    tabulate_checks,
)
from c360_dagster.computed import read_computed, replace_computed
from c360_dagster.layers import SCIENCE, SILVER
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings

if TYPE_CHECKING:
    from c360_dagster.science.lifetime_value import Report

SUGGESTIONS = 5
PREVIEW_ROWS = 5

Read = Callable[[str], pl.DataFrame]
Answer = tuple[dict[str, pl.DataFrame], list[dg.AssetCheckResult]]


@dataclass(frozen=True)
class Question:
    """What is asked at once: from which models, into which tables, the last for the checks."""

    models: tuple[str, ...]
    tables: tuple[str, ...]
    answer: Callable[[Settings, Read], Answer]
    also_reads: tuple[str, ...] = ()
    """Tables of an earlier question."""

    @property
    def reads(self) -> list[dg.AssetKey]:
        models = [dg.AssetKey([SILVER.name, model]) for model in self.models]
        return models + [dg.AssetKey([SCIENCE.name, table]) for table in self.also_reads]


def build_science(settings: Settings) -> dg.AssetsDefinition:
    """The imports of scikit-learn's kin wait until an answer needs them: they cost a second."""

    @dg.multi_asset(
        name="work_out_science",
        specs=[
            specify_computed(read_computed()[f"{SCIENCE.name}.{table}"], SCIENCE, question.reads)
            for question in QUESTIONS
            for table in question.tables
        ],
        check_specs=specify_science_checks(
            table for question in QUESTIONS for table in question.tables
        ),
        can_subset=True,
    )
    def work_out_science(
        context: dg.AssetExecutionContext,
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
    ) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        chosen = {key.path[-1] for key in context.selected_asset_keys}
        asked = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
        needed = chosen | {key.path[-1] for key, _ in asked}
        for question in QUESTIONS:
            if needed.isdisjoint(question.tables):
                continue
            frames, checks = question.answer(settings, lambda query: _read(warehouse, query))
            frames[question.tables[-1]] = tabulate_checks(checks)
            written = {name: frames[name] for name in question.tables if name in chosen}
            _write(warehouse, written)
            yield from (_describe(name, frame) for name, frame in written.items())
            yield from (check for check in checks if (check.asset_key, check.check_name) in asked)

    return work_out_science


def _answer_segments(settings: Settings, read: Read) -> Answer:
    from c360_dagster.science.personas import EVIDENCE, PERSONA_FEATURES  # noqa: PLC0415
    from c360_dagster.science.scores import scores  # noqa: PLC0415
    from c360_dagster.science.segmentation import fit_segments  # noqa: PLC0415

    features = read("select * from silver.int_customer_features")
    before = read("select customer_id, cluster_id from science.segments")
    found = fit_segments(features.select("customer_id", EVIDENCE, *PERSONA_FEATURES))
    labels = found.labels.join(
        found.centroids.select("cluster_id", "persona"), on="cluster_id"
    ).join(scores(features), on="customer_id")
    stability = found.stability.rename(
        {"k": "clusters", "mean_ari": "stability", "is_chosen": "is_used"}
    )
    centroids = found.centroids.unpivot(
        index=["cluster_id", "persona"], variable_name="feature"
    ).sort("cluster_id", "feature")
    frames = {"segments": labels, "centroids": centroids, "stability": stability}
    return frames, list(check_segments(settings, features, before, found))


def _answer_forecasts(settings: Settings, read: Read) -> Answer:
    from c360_dagster.science.lifetime_value import Rehearsal, forecast_from  # noqa: PLC0415

    features, past = (
        read(f"select * from silver.int_{name}_features") for name in ("forecast", "holdout")
    )
    plan, past_plan = (
        Rehearsal(
            **read(
                "select first_date as first_day, as_of_date as as_of, horizon_days, "
                f"window_days from silver.int_{name}_plan",
            ).row(0, named=True)
        )
        for name in ("forecast", "holdout")
    )
    made = forecast_from(features, plan)
    told = made.values.select(
        "customer_id",
        expected_orders_12m="expected_orders",
        clv_12m="expected_spend",
        clv_12m_low="low",
        clv_12m_high="high",
        p_active_12m="p_active",
        churn_risk=(1 - pl.col("p_active")).round(6),
    )
    tried = forecast_from(past, past_plan)
    frames = {
        "forecasts": told,
        "parameters": _describe_parameters(made.report),
        "calibration": calibrate(settings, features, made, tried),
    }
    return frames, list(check_forecasts(settings, features, made, tried))


def _answer_suggestions(settings: Settings, read: Read) -> Answer:
    from c360_dagster.science.affinity import recommend  # noqa: PLC0415

    bought = read(
        "select customer_id, product_id as item, first_bought_date as order_date "
        "from silver.int_customer_products",
    )
    categories = read(
        "select customer_id, category as item, min(first_bought_date) as order_date "
        "from silver.int_customer_products where category is not null "
        "group by customer_id, category",
    )
    frames = {
        "next_products": recommend(bought, SUGGESTIONS).rename({"item": "product_id"}),
        "next_categories": recommend(categories, 1).rename({"item": "category"}),
    }
    return frames, list(check_recommendations(settings, bought))


def _answer_campaigns(settings: Settings, read: Read) -> Answer:
    responses = read(
        "select responses.campaign_id, segments.cluster_id, "
        'responses.contact_group as "group", responses.is_converted, responses.revenue '
        "from silver.int_campaign_responses as responses "
        "left join science.segments as segments "
        "on responses.customer_id = segments.customer_id "
        "where responses.contact_group in ('treatment', 'control')",
    )
    frames = {"campaign_effects": _measure_effects(responses)}
    return frames, list(check_effects(settings, responses))


def _measure_effects(responses: pl.DataFrame) -> pl.DataFrame:
    """By campaign, as cluster 0, and by campaign and cluster; conversion beside revenue."""
    from c360_dagster.science.campaigns import effects  # noqa: PLC0415  a second of imports

    by = ["campaign_id", "cluster_id"]
    everybody = responses.with_columns(cluster_id=pl.lit(0, pl.Int64))
    watched = pl.concat([everybody, responses.drop_nulls("cluster_id")])
    conversion = effects(watched, "is_converted", by).select(
        *by,
        conversion_lift="lift",
        conversion_lift_low="low",
        conversion_lift_high="high",
        conversion_p_value="p_value",
    )
    revenue = effects(watched, "revenue", by).select(
        *by,
        revenue_difference="difference",
        revenue_difference_low="difference_low",
        revenue_difference_high="difference_high",
        revenue_lift="lift",
        revenue_lift_low="low",
        revenue_lift_high="high",
        revenue_p_value="p_value",
    )
    return conversion.join(revenue, on=by).sort(by)


def _read(warehouse: Warehouse, query: str) -> pl.DataFrame:
    with warehouse.connect() as con:
        frame: pl.DataFrame = con.sql(query).pl()
    return frame


def _write(warehouse: Warehouse, frames: Mapping[str, pl.DataFrame]) -> None:
    with warehouse.connect() as con:
        replace_computed(con, {f"{SCIENCE.name}.{name}": frame for name, frame in frames.items()})


def _describe(name: str, frame: pl.DataFrame) -> dg.MaterializeResult[None]:
    preview = markdown_table(frame.columns, frame.head(PREVIEW_ROWS).rows())
    return dg.MaterializeResult(
        asset_key=[SCIENCE.name, name],
        metadata={
            "dagster/row_count": frame.height,
            "preview": dg.MetadataValue.md(preview),
        },
    )


def _describe_parameters(report: "Report") -> pl.DataFrame:
    """Each part of the report as JSON, so that the model card can name its parameters."""
    parts = {name: json.dumps(_plain(part)) for name, part in asdict(report).items()}
    return pl.DataFrame({"name": list(parts), "text": list(parts.values())})


def _plain(value: Any) -> Any:  # noqa: ANN401  whatever a report holds
    """As JSON has it: tuples are lists, what is no number is text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


QUESTIONS = (
    Question(
        models=("int_customer_features",),
        tables=("segments", "centroids", "stability", "segment_evaluation"),
        answer=_answer_segments,
    ),
    Question(
        models=(
            "int_forecast_plan",
            "int_forecast_features",
            "int_holdout_plan",
            "int_holdout_features",
        ),
        tables=("forecasts", "parameters", "calibration", "forecast_evaluation"),
        answer=_answer_forecasts,
    ),
    Question(
        models=("int_customer_products",),
        tables=("next_products", "next_categories", "suggestion_evaluation"),
        answer=_answer_suggestions,
    ),
    Question(
        models=("int_campaign_responses",),
        also_reads=("segments",),
        tables=("campaign_effects", "campaign_evaluation"),
        answer=_answer_campaigns,
    ),
)
