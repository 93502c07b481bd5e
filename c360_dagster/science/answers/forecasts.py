"""What customers will spend and whether they come back, judged on the window since the cutoff.

The forecast is made twice: as of today, and as of the cutoff, because the time since is known.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl

from c360_dagster.science import evaluation
from c360_dagster.science.answers import Answer, Finding, make_finding, pass_without_truth
from c360_dagster.science.lifetime_value import (
    Forecast,
    Rehearsal,
    Report,
    forecast_from,
)
from c360_dagster.science.standards import COVERED, DECILES_OFF, TOTAL_OFF, WORSE_THAN_NAIVE


def answer_forecasts(
    features: pl.DataFrame,
    plan: Rehearsal,
    past: pl.DataFrame,
    past_plan: Rehearsal,
    truth: pl.DataFrame | None,
) -> Answer:
    """Takes the features as of today and as of the cutoff (`past`), each with its plan. Truth, if
    known: person_id, customer_id, and the orders and spend of the time ahead."""
    tried = forecast_from(past, past_plan)
    made = forecast_from(features, plan, earlier=tried)
    both = _join_customers(features, tried.values)
    held_out = both.filter(pl.col("past_frequency").is_not_null())
    future = None if truth is None else _sum_by_person(made.values, truth)
    tables = {
        "forecasts": made.values.select(
            "customer_id",
            expected_orders_12m="expected_orders",
            clv_12m="expected_spend",
            clv_12m_low="low",
            clv_12m_high="high",
            p_active_12m="p_active",
            churn_risk=(1 - pl.col("p_active")).round(6),
        ),
        "parameters": _describe(made.report),
        "calibration": _calibrate(held_out, future),
    }
    findings = [
        _judge_errors(held_out, tried),
        _judge_intervals(held_out),
        _judge_churn(held_out),
        pass_without_truth("agrees_with_the_future") if future is None else _judge_future(future),
    ]
    return Answer(tables, findings)


def _join_customers(features: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """Joins both by customer, without a search if the customers and their order are the same."""
    if features["customer_id"].equals(values["customer_id"]):
        return pl.concat([features, values.drop("customer_id")], how="horizontal")
    return features.join(values, on="customer_id").sort("customer_id")


def _sum_by_person(values: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Adds up the forecasts of each person: somebody whose records were not joined is several
    customers."""
    sums = ["expected_spend", "low", "high"]
    known = values.select("customer_id", *sums, "p_active").join(truth, on="customer_id")
    is_split = known["person_id"].is_duplicated()
    joined = (
        known.filter(is_split)
        .group_by("person_id")
        .agg(
            pl.col(sums).sort_by("customer_id").sum(),
            pl.col("p_active").max(),
            pl.col("orders", "spend").first(),
        )
    )
    return pl.concat([known.filter(~is_split).select(joined.columns), joined]).sort("person_id")


def _calibrate(held_out: pl.DataFrame, future: pl.DataFrame | None) -> pl.DataFrame:
    """Returns expected and actual spend by tenths of the customers, for the model card's plots."""
    against = {"holdout": (held_out["expected_spend"], held_out["past_spend_after"])}
    if future is not None:
        against["future"] = (future["expected_spend"], future["spend"])
    return pl.concat(
        evaluation.calibration_table(expected, actual)
        .rename({"group": "tenth"})
        .with_columns(pl.lit(name).alias("against"))
        for name, (expected, actual) in against.items()
    )


def _judge_errors(held_out: pl.DataFrame, tried: Forecast) -> Finding:
    spend = held_out["past_spend_after"].cast(pl.Float64)
    days = tried.plan.horizon_days
    rate = held_out["past_spend"].cast(pl.Float64) / (held_out["past_age_days"] + 1) * days
    compared = evaluation.compare_with_naive(
        held_out["expected_spend"],
        spend,
        {
            "the last window": held_out["past_spend_last"].cast(pl.Float64),
            "own rate": rate,
            "nothing": pl.zeros(held_out.height, pl.Float64, eager=True),
        },
    )
    return make_finding(
        "beats_naive_forecasts",
        max(compared.mae_ratio, compared.rmse_ratio) <= WORSE_THAN_NAIVE,
        f"Mean absolute error {compared.mae_ratio:.3f} and root mean squared error "
        f"{compared.rmse_ratio:.3f} times the best naive forecast's, over {days} days.",
        mae=compared.mae,
        rmse=compared.rmse,
        mae_ratio=compared.mae_ratio,
        rmse_ratio=compared.rmse_ratio,
        total_error=evaluation.total_error(held_out["expected_spend"], spend),
        spearman=evaluation.spearman(held_out["expected_spend"], spend),
    )


def _judge_intervals(held_out: pl.DataFrame) -> Finding:
    spend = held_out["past_spend_after"].cast(pl.Float64)
    covered = evaluation.interval_coverage(held_out["low"], held_out["high"], spend)
    nothing = int((spend == 0).sum()) / max(spend.len(), 1)
    return make_finding(
        "intervals_cover",
        held_out.is_empty() or _is_covered(covered, nothing),
        f"{covered:.1%} of {held_out.height:,} customers were within their interval; "
        f"{nothing:.1%} bought nothing.",
        coverage=covered,
        bought_nothing=nothing,
    )


def _is_covered(covered: float, nothing: float) -> bool:
    """Whether the coverage is good. Intervals that include zero cover everybody who buys nothing,
    so the upper bound rises with the share of those."""
    least, most = COVERED
    return least <= covered <= max(most, nothing + (most - least) / 2)


def _judge_churn(held_out: pl.DataFrame) -> Finding:
    stayed_away = held_out["past_purchases_after"] == 0
    risk = 1 - held_out["p_active"]
    area = evaluation.area_under_curve(risk, stayed_away)
    brier = evaluation.brier_score(risk, stayed_away)
    usual = int(stayed_away.sum()) / max(stayed_away.len(), 1)
    off = evaluation.calibration_error(risk, stayed_away.cast(pl.Float64))
    return make_finding(
        "churn_is_told_apart",
        area is None or (area > 0.5 and brier <= usual * (1 - usual)),
        f"Area under the curve {area or 0:.3f}, Brier score {brier:.3f} "
        f"({usual * (1 - usual):.3f} without knowing anything); by tenths {off:.1%} off.",
        auc=area,
        brier=brier,
        calibration_error=off,
    )


def _judge_future(future: pl.DataFrame) -> Finding:
    spend = future["spend"]
    total = evaluation.total_error(future["expected_spend"], spend)
    deciles = evaluation.calibration_error(future["expected_spend"], spend)
    covered = evaluation.interval_coverage(future["low"], future["high"], spend)
    nothing = int((spend == 0).sum()) / max(spend.len(), 1)
    return make_finding(
        "agrees_with_the_future",
        abs(total) <= TOTAL_OFF and deciles <= DECILES_OFF and _is_covered(covered, nothing),
        f"In total {total:+.1%}, by tenths {deciles:.1%} off; {covered:.1%} were within their "
        f"interval, over {future.height:,} customers.",
        total_error=total,
        calibration_error=deciles,
        coverage=covered,
        spearman=evaluation.spearman(future["expected_spend"], spend),
        auc=evaluation.area_under_curve(1 - future["p_active"], future["orders"] == 0),
    )


def _describe(report: Report) -> pl.DataFrame:
    """Returns each part of the report as JSON, so that the model card can name its parameters."""
    parts = {name: json.dumps(_plain(part)) for name, part in asdict(report).items()}
    return pl.DataFrame({"name": list(parts), "text": list(parts.values())})


def _plain(value: Any) -> Any:  # noqa: ANN401  whatever a report holds
    """Converts to JSON's types: tuples become lists, anything JSON does not know becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
