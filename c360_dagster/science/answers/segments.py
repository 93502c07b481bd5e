"""Which kinds of customers there are, and how stable that answer is."""

import polars as pl

from c360_dagster.science.answers import Answer, Finding, make_finding, pass_without_truth
from c360_dagster.science.personas import EVIDENCE, PERSONA_FEATURES
from c360_dagster.science.rows import order_customers
from c360_dagster.science.scores import scores
from c360_dagster.science.segmentation import Segments, fit_segments, share_changed
from c360_dagster.science.stability import adjusted_rand
from c360_dagster.science.standards import (
    CHANGED,
    LIKE_THE_TRUTH,
    ORDERS_TO_TELL,
    SMALLEST,
    STABLE,
)


def answer_segments(
    features: pl.DataFrame, before: pl.DataFrame, truth: pl.DataFrame | None
) -> Answer:
    """`before` has the labels of the previous run; truth, if known, has customer_id and persona."""
    features = order_customers(features)
    found = fit_segments(features.select("customer_id", EVIDENCE, *PERSONA_FEATURES))
    personas = found.centroids.select("cluster_id", "persona")
    labels = found.labels.join(personas, on="cluster_id", maintain_order="left")
    scored = scores(features).drop("customer_id")
    tables = {
        "segments": pl.concat([labels, scored], how="horizontal"),  # both in customers' order
        "centroids": found.centroids.unpivot(
            index=["cluster_id", "persona"], variable_name="feature"
        ).sort("cluster_id", "feature"),
        "stability": found.stability.rename(
            {"k": "clusters", "mean_ari": "stability", "is_chosen": "is_used"}
        ),
    }
    findings = [
        judge_stability(found.stability),
        _judge_changes(before, found.labels),
        _judge_personas(found, features, truth),
    ]
    return Answer(tables, findings)


def judge_stability(tried: pl.DataFrame) -> Finding:
    used = tried.filter("is_chosen")
    better = tried.filter("is_clearly_better")["k"].to_list()
    if used.is_empty():
        return make_finding("segments_are_stable", True, "Nobody has ordered yet.")  # noqa: FBT003
    stable, smallest = float(used["mean_ari"][0]), float(used["smallest_share"][0])
    said = f"Stability {stable:.3f}, smallest segment {smallest:.1%} of the customers."
    if better:
        said += f" Clearly better: {', '.join(map(str, better))} segments."
    return make_finding(
        "segments_are_stable",
        stable >= STABLE and smallest >= SMALLEST and not better,
        said,
        stability=stable,
        smallest_share=smallest,
    )


def _judge_changes(before: pl.DataFrame, labels: pl.DataFrame) -> Finding:
    changed = share_changed(before, labels)
    if changed is None:
        return make_finding("personas_last", True, "This is the first run.")  # noqa: FBT003
    said = f"{changed:.1%} of the customers have another persona than in the run before."
    return make_finding("personas_last", changed <= CHANGED, said, changed_persona=changed)


def _judge_personas(found: Segments, features: pl.DataFrame, truth: pl.DataFrame | None) -> Finding:
    if truth is None:
        return pass_without_truth("personas_agree_with_the_truth")
    both = (
        found.labels.filter(features["orders"] >= ORDERS_TO_TELL)  # both in customers' order
        .join(truth, on="customer_id")
        .with_columns(planted=pl.col("persona").rank("dense").cast(pl.Int64) - 1)
    )
    clusters = both["cluster_id"].rank("dense").cast(pl.Int64).to_numpy() - 1
    planted = both["planted"].to_numpy()
    most = int(max(planted.max(initial=0), clusters.max(initial=0))) + 1
    agreement = adjusted_rand(clusters, planted, most) if both.height else 0.0
    return make_finding(
        "personas_agree_with_the_truth",
        agreement >= LIKE_THE_TRUTH,
        f"Adjusted Rand {agreement:.3f} among {both.height:,} customers.",
        adjusted_rand=agreement,
        customers=both.height,
    )
