"""5. Science: segments, forecasts, recommendations and effects, each from one pure call."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
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


def build_science(settings: Settings) -> list[dg.AssetsDefinition]:
    """The imports of scikit-learn's kin wait until an asset needs them: they cost a second."""
    return [
        _build_segments(settings),
        _build_forecasts(settings),
        _build_recommendations(settings),
        _build_effects(settings),
    ]


def _build_segments(settings: Settings) -> dg.AssetsDefinition:
    @_science(
        "segment_customers",
        ("segments", "centroids", "stability", "segment_evaluation"),
        ["int_customer_features"],
    )
    def segment_customers(
        lock: HomeLock,  # noqa: ARG001  held for the whole run
        warehouse: Warehouse,
    ) -> Iterator[dg.MaterializeResult]:
        from c360_dagster.science.personas import EVIDENCE, PERSONA_FEATURES  # noqa: PLC0415
        from c360_dagster.science.scores import scores  # noqa: PLC0415
        from c360_dagster.science.segmentation import fit_segments  # noqa: PLC0415

        features = _read(warehouse, "select * from silver.int_customer_features")
        before = _read(warehouse, "select customer_id, cluster_id from science.segments")
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
        yield from _write(
            warehouse,
            {"segments": labels, "centroids": centroids, "stability": stability},
            check_segments(settings, features, before, found),
            evaluation="segment_evaluation",
        )

    return segment_customers


def _build_forecasts(settings: Settings) -> dg.AssetsDefinition:
    @_science(
        "forecast_value",
        ("forecasts", "parameters", "calibration", "forecast_evaluation"),
        ["int_forecast_plan", "int_forecast_features", "int_holdout_plan", "int_holdout_features"],
    )
    def forecast_value(
        lock: HomeLock,  # noqa: ARG001  the same
        warehouse: Warehouse,
    ) -> Iterator[dg.MaterializeResult]:
        from c360_dagster.science.lifetime_value import Rehearsal, forecast_from  # noqa: PLC0415

        features, past = (
            _read(warehouse, f"select * from silver.int_{name}_features")
            for name in ("forecast", "holdout")
        )
        plan, past_plan = (
            Rehearsal(
                **_read(
                    warehouse,
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
        yield from _write(
            warehouse,
            {
                "forecasts": told,
                "parameters": _describe_parameters(made.report),
                "calibration": calibrate(settings, features, made, tried),
            },
            check_forecasts(settings, features, made, tried),
            evaluation="forecast_evaluation",
        )

    return forecast_value


def _build_recommendations(settings: Settings) -> dg.AssetsDefinition:
    @_science(
        "recommend_products",
        ("next_products", "next_categories", "suggestion_evaluation"),
        ["int_customer_products"],
    )
    def recommend_products(
        lock: HomeLock,  # noqa: ARG001  the same
        warehouse: Warehouse,
    ) -> Iterator[dg.MaterializeResult]:
        from c360_dagster.science.affinity import recommend  # noqa: PLC0415

        bought = _read(
            warehouse,
            "select customer_id, product_id as item, first_bought_date as order_date "
            "from silver.int_customer_products",
        )
        categories = _read(
            warehouse,
            "select customer_id, category as item, min(first_bought_date) as order_date "
            "from silver.int_customer_products where category is not null "
            "group by customer_id, category",
        )
        yield from _write(
            warehouse,
            {
                "next_products": recommend(bought, SUGGESTIONS).rename({"item": "product_id"}),
                "next_categories": recommend(categories, 1).rename({"item": "category"}),
            },
            check_recommendations(settings, bought),
            evaluation="suggestion_evaluation",
        )

    return recommend_products


def _build_effects(settings: Settings) -> dg.AssetsDefinition:
    @_science(
        "measure_campaigns",
        ("campaign_effects", "campaign_evaluation"),
        ["int_campaign_responses"],
        more=[dg.AssetKey([SCIENCE.name, "segments"])],
    )
    def measure_campaigns(
        lock: HomeLock,  # noqa: ARG001  the same
        warehouse: Warehouse,
    ) -> Iterator[dg.MaterializeResult]:
        responses = _read(
            warehouse,
            "select responses.campaign_id, segments.cluster_id, "
            'responses.contact_group as "group", responses.is_converted, responses.revenue '
            "from silver.int_campaign_responses as responses "
            "left join science.segments as segments "
            "on responses.customer_id = segments.customer_id "
            "where responses.contact_group in ('treatment', 'control')",
        )
        found = _measure_effects(responses)
        yield from _write(
            warehouse,
            {"campaign_effects": found},
            check_effects(settings, responses),
            evaluation="campaign_evaluation",
        )

    return measure_campaigns


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


def _science(
    name: str, tables: Iterable[str], models: Iterable[str], more: Iterable[dg.AssetKey] = ()
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset that reads models of silver, or of gold, and writes tables of science."""
    reads = [dg.AssetKey([SILVER.name, model]) for model in models] + list(more)
    computed = read_computed()
    return dg.multi_asset(
        name=name,
        specs=[
            specify_computed(computed[f"{SCIENCE.name}.{table}"], SCIENCE, reads)
            for table in tables
        ],
        check_specs=specify_science_checks(tables),
    )


def _read(warehouse: Warehouse, query: str) -> pl.DataFrame:
    with warehouse.connect() as con:
        frame: pl.DataFrame = con.sql(query).pl()
    return frame


def _write(
    warehouse: Warehouse,
    frames: Mapping[str, pl.DataFrame],
    checks: Iterable[dg.AssetCheckResult],
    evaluation: str,
) -> Iterator[dg.MaterializeResult]:
    results = list(checks)
    written = {**frames, evaluation: tabulate_checks(results)}
    with warehouse.connect() as con:
        replace_computed(con, {f"{SCIENCE.name}.{name}": frame for name, frame in written.items()})
    for name, frame in written.items():
        key = dg.AssetKey([SCIENCE.name, name])
        preview = markdown_table(frame.columns, frame.head(PREVIEW_ROWS).rows())
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": frame.height,
                "preview": dg.MetadataValue.md(preview),
            },
            check_results=[check for check in results if check.asset_key == key],
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
