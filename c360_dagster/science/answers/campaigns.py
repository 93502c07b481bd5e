"""What the campaigns achieved, for everybody and by segment."""

import polars as pl

from c360_dagster.science.answers import Answer, Finding, make_finding, pass_without_truth
from c360_dagster.science.campaigns import effects
from c360_dagster.science.standards import RECOVERED

EVERYBODY = 0
BY = ["campaign_id", "cluster_id"]


def answer_campaigns(responses: pl.DataFrame, truth: pl.DataFrame | None) -> Answer:
    """Responses have one row per contact; cluster_id is null if the customer has no segment. Truth,
    if known, has the planted lifts."""
    everybody = responses.with_columns(cluster_id=pl.lit(EVERYBODY, pl.Int64))
    watched = pl.concat([everybody, responses.drop_nulls("cluster_id")])
    conversion = effects(watched, "is_converted", BY).select(
        *BY,
        conversion_lift="lift",
        conversion_lift_low="low",
        conversion_lift_high="high",
        conversion_p_value="p_value",
    )
    revenue = effects(watched, "revenue", BY).select(
        *BY,
        revenue_difference="difference",
        revenue_difference_low="difference_low",
        revenue_difference_high="difference_high",
        revenue_lift="lift",
        revenue_lift_low="low",
        revenue_lift_high="high",
        revenue_p_value="p_value",
    )
    found = conversion.join(revenue, on=BY).sort(BY)
    return Answer({"campaign_effects": found}, [_judge_lifts(found, truth)])


def _judge_lifts(found: pl.DataFrame, truth: pl.DataFrame | None) -> Finding:
    if truth is None or found.is_empty():
        return pass_without_truth("planted_lifts_are_found")
    low, high = pl.col("revenue_lift_low"), pl.col("revenue_lift_high")
    compared = (
        found.filter(pl.col("cluster_id") == EVERYBODY)
        .join(truth, on="campaign_id")
        .drop_nulls("revenue_lift_low")
        .with_columns(
            is_within=(low <= pl.col("planted")) & (high.is_null() | (high >= pl.col("planted")))
        )
    )
    share = int(compared["is_within"].sum()) / compared.height if compared.height else 1.0
    return make_finding(
        "planted_lifts_are_found",
        share >= RECOVERED,
        f"{share:.0%} of {compared.height} campaigns.",
        share_within=share,
        campaigns=compared.height,
    )
