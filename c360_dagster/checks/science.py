"""How good the estimates are, on what was held out and where the simulator knows the truth.

None of these stops a run: a weak estimate warns, with its numbers, and is shown for what it is.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from c360_dagster.layers import SCIENCE
from c360_dagster.settings import Settings

if TYPE_CHECKING:
    from c360_dagster.science.lifetime_value import Forecast
    from c360_dagster.science.segmentation import Segments

STABLE, SMALLEST, LIKE_THE_TRUTH = 0.80, 0.05, 0.60
WORSE_THAN_NAIVE = 1.02
COVERED = (0.75, 0.85)
TOTAL_OFF, DECILES_OFF = 0.10, 0.15
BETTER_THAN_POPULARITY = 1.5
RECOVERED = 0.85
ORDERS_TO_TELL = 3

CHECKS = {
    "segments": {
        "segments_are_stable": (
            f"Drawn anew, customers fall into the same segments (adjusted Rand {STABLE} or more), "
            f"none has less than {SMALLEST:.0%}, and no other number of segments is clearly better."
        ),
        "personas_agree_with_the_truth": (
            f"Among simulated customers with {ORDERS_TO_TELL} orders, the personas are the "
            f"simulator's (adjusted Rand {LIKE_THE_TRUTH} or more)."
        ),
    },
    "forecasts": {
        "beats_naive_forecasts": (
            "On the window since the cutoff, the forecast's errors are at most 2 % above those of "
            "the best naive forecast."
        ),
        "intervals_cover": "Of the 80 % intervals, 75 to 85 in 100 held what came.",
        "churn_is_told_apart": (
            "On the window since the cutoff, who did not come back had the higher risk."
        ),
        "agrees_with_the_future": (
            "Simulated customers do what was forecast: in total within 10 %, by tenths within 15 %."
        ),
    },
    "next_products": {
        "beats_popularity": (
            "Of purchases held out, ten suggestions foresee no fewer than the ten best sellers do."
        ),
    },
    "campaign_effects": {
        "planted_lifts_are_found": (
            "Of simulated campaigns, the interval of the lift holds what was planted."
        ),
    },
}


def specify_science_checks(tables: Iterable[str]) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name=name, asset=[SCIENCE.name, table], description=description)
        for table in tables
        for name, description in CHECKS.get(table, {}).items()
    ]


def check_segments(
    settings: Settings, features: pl.DataFrame, before: pl.DataFrame, found: "Segments"
) -> Iterator[dg.AssetCheckResult]:
    from c360_dagster.science.segmentation import share_changed  # noqa: PLC0415  slow import
    from c360_dagster.science.stability import adjusted_rand  # noqa: PLC0415

    tried = found.stability
    used = tried.filter("is_chosen")
    better = tried.filter("is_clearly_better")["k"].to_list()
    stable = float(used["mean_ari"][0]) if used.height else 0.0
    smallest = float(used["smallest_share"][0]) if used.height else 0.0
    said = f"Stability {stable:.3f}, smallest segment {smallest:.1%} of the customers."
    if better:
        said += f" Clearly better: {', '.join(map(str, better))} segments."
    yield _result(
        "segments",
        "segments_are_stable",
        stable >= STABLE and smallest >= SMALLEST and not better,
        said,
        stability=stable,
        smallest_share=smallest,
        changed_persona=share_changed(before, found.labels),
    )
    truth = _read_people(settings)
    if truth is None:
        yield _unknown("segments", "personas_agree_with_the_truth")
        return
    both = (
        found.labels.join(features.select("customer_id", "orders"), on="customer_id")
        .filter(pl.col("orders") >= ORDERS_TO_TELL)
        .join(truth, on="customer_id")
        .with_columns(planted=pl.col("persona").rank("dense").cast(pl.Int64) - 1)
    )
    told = both["cluster_id"].rank("dense").cast(pl.Int64).to_numpy() - 1
    most = max([*both["planted"], *told.tolist()], default=0) + 1
    agreement = adjusted_rand(told, both["planted"].to_numpy(), most) if both.height else 0.0
    yield _result(
        "segments",
        "personas_agree_with_the_truth",
        agreement >= LIKE_THE_TRUTH,
        f"Adjusted Rand {agreement:.3f} among {both.height:,} customers.",
        adjusted_rand=agreement,
        customers=both.height,
    )


def check_forecasts(
    settings: Settings, features: pl.DataFrame, made: "Forecast", tried: "Forecast"
) -> Iterator[dg.AssetCheckResult]:
    """`tried` was made as of the cutoff; what came since stands in the features of today."""
    from c360_dagster.science import evaluation  # noqa: PLC0415  slow import

    held_out = _hold_out(features, tried)
    spend = held_out["past_spend_after"].cast(pl.Float64)
    nothing = pl.zeros(held_out.height, pl.Float64, eager=True)
    days = tried.plan.horizon_days
    rate = held_out["past_spend"].cast(pl.Float64) / (held_out["past_age_days"] + 1) * days
    compared = evaluation.compare_with_naive(
        held_out["expected_spend"],
        spend,
        {
            "the last window": held_out["past_spend_last"].cast(pl.Float64),
            "her own rate": rate,
            "nothing": nothing,
        },
    )
    yield _result(
        "forecasts",
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
    covered = evaluation.interval_coverage(held_out["low"], held_out["high"], spend)
    yield _result(
        "forecasts",
        "intervals_cover",
        COVERED[0] <= covered <= COVERED[1],
        f"{covered:.1%} of {held_out.height:,} customers were within their interval.",
        coverage=covered,
    )
    stayed_away = held_out["past_purchases_after"] == 0
    risk = 1 - held_out["p_active"]
    area = evaluation.area_under_curve(risk, stayed_away)
    brier = evaluation.brier_score(risk, stayed_away)
    usual = int(stayed_away.sum()) / max(stayed_away.len(), 1)
    yield _result(
        "forecasts",
        "churn_is_told_apart",
        area is None or (area > 0.5 and brier <= usual * (1 - usual)),
        f"Area under the curve {area or 0:.3f}, Brier score {brier:.3f} "
        f"({usual * (1 - usual):.3f} without knowing anything).",
        auc=area,
        brier=brier,
    )
    yield _check_future(settings, made)


def calibrate(
    settings: Settings, features: pl.DataFrame, made: "Forecast", tried: "Forecast"
) -> pl.DataFrame:
    """Expected against actual spend by tenths of the customers, for the model card's plots."""
    from c360_dagster.science import evaluation  # noqa: PLC0415  slow import

    held_out = _hold_out(features, tried)
    against = {"holdout": (held_out["expected_spend"], held_out["past_spend_after"])}
    if (future := _read_future(settings, made)) is not None:
        against["future"] = (future["expected_spend"], future["spend"])
    return pl.concat(
        evaluation.calibration_table(expected, actual)
        .rename({"group": "tenth"})
        .with_columns(pl.lit(name).alias("against"))
        for name, (expected, actual) in against.items()
    )


def tabulate_checks(results: Iterable[dg.AssetCheckResult]) -> pl.DataFrame:
    """The results as rows: one for each number measured, one for a check without any."""
    rows = [
        {
            "check_name": result.check_name,
            "is_passed": result.passed,
            "said": result.description,
            "measure": measure,
            "value": float(value) if isinstance(value, int | float) else None,
        }
        for result in results
        for measure, value in (
            {k: v.value for k, v in result.metadata.items()} or {"": None}
        ).items()
    ]
    return pl.DataFrame(
        rows,
        schema={"check_name": pl.String, "is_passed": pl.Boolean, "said": pl.String,
                "measure": pl.String, "value": pl.Float64},
    )  # fmt: skip


def _hold_out(features: pl.DataFrame, tried: "Forecast") -> pl.DataFrame:
    """What was forecast at the cutoff beside what came since, of those who were known by then."""
    known = features.filter(pl.col("past_frequency").is_not_null())
    return known.join(tried.values, on="customer_id").sort("customer_id")


def _check_future(settings: Settings, made: "Forecast") -> dg.AssetCheckResult:
    from c360_dagster.science import evaluation  # noqa: PLC0415  slow import

    future = _read_future(settings, made)
    if future is None:
        return _unknown("forecasts", "agrees_with_the_future")
    spend = future["spend"]
    total = evaluation.total_error(future["expected_spend"], spend)
    deciles = evaluation.calibration_error(future["expected_spend"], spend)
    covered = evaluation.interval_coverage(future["low"], future["high"], spend)
    return _result(
        "forecasts",
        "agrees_with_the_future",
        abs(total) <= TOTAL_OFF and deciles <= DECILES_OFF and COVERED[0] <= covered <= COVERED[1],
        f"In total {total:+.1%}, by tenths {deciles:.1%} off; {covered:.1%} were within their "
        f"interval, over {future.height:,} customers.",
        total_error=total,
        calibration_error=deciles,
        coverage=covered,
        spearman=evaluation.spearman(future["expected_spend"], spend),
        auc=evaluation.area_under_curve(1 - future["p_active"], future["orders"] == 0),
    )


def check_recommendations(
    settings: Settings, bought: pl.DataFrame
) -> Iterator[dg.AssetCheckResult]:
    from c360_dagster.science.affinity import compare_methods  # noqa: PLC0415  slow import
    from c360_dagster.science.recommenders import POPULARITY  # noqa: PLC0415

    compared = compare_methods(bought)
    recalls = dict(compared.select("method", "recall").iter_rows())
    chosen = compared.filter("is_chosen")["method"]
    method = chosen[0] if chosen.len() else POPULARITY
    best, usual = recalls.get(method), recalls.get(POPULARITY)
    times = best / usual if best and usual else None
    is_simulated = (settings.truth / "people.csv").exists()
    bound = BETTER_THAN_POPULARITY if is_simulated and method != POPULARITY else 1.0
    yield _result(
        "next_products",
        "beats_popularity",
        times is None or times >= bound,
        f"{method}: recall at 10 is {best or 0:.3f}, that of the best sellers {usual or 0:.3f}.",
        method=method,
        recall=best,
        recall_of_popularity=usual,
        times_popularity=times,
    )


def check_effects(settings: Settings, responses: pl.DataFrame) -> Iterator[dg.AssetCheckResult]:
    from c360_dagster.science.campaigns import effects  # noqa: PLC0415  slow import

    path = settings.truth / "campaigns.csv"
    if not path.exists() or responses.is_empty():
        yield _unknown("campaign_effects", "planted_lifts_are_found")
        return
    planted = pl.read_csv(path, infer_schema=False).select(
        "campaign_id", planted=pl.col("lift").cast(pl.Float64)
    )
    found = effects(responses, "revenue", ["campaign_id"]).join(planted, on="campaign_id")
    told = found.drop_nulls(["low"]).with_columns(
        is_within=(pl.col("low") <= pl.col("planted"))
        & (pl.col("high").is_null() | (pl.col("high") >= pl.col("planted")))
    )
    share = int(told["is_within"].sum()) / told.height if told.height else 1.0
    yield _result(
        "campaign_effects",
        "planted_lifts_are_found",
        share >= RECOVERED,
        f"{share:.0%} of {told.height} campaigns.",
        share_within=share,
        campaigns=told.height,
    )


def _read_people(settings: Settings) -> pl.DataFrame | None:
    """customer_id and the simulator's persona; each person under the id of one of her records."""
    people = settings.truth / "people.csv"
    if not people.exists():
        return None
    personas = pl.read_csv(people, infer_schema=False).select("person_id", "persona")
    return _name_persons(settings).join(personas, on="person_id").select("customer_id", "persona")


def _name_persons(settings: Settings) -> pl.DataFrame:
    """customer_id and person_id, for the ids that gold can have: a person's first of each."""
    identities = pl.read_csv(settings.truth / "identities.csv", infer_schema=False)
    prefix = pl.when(pl.col("source_system") == "crm").then(pl.lit("")).otherwise(pl.lit("wb-"))
    return identities.select("person_id", customer_id=prefix + pl.col("source_id"))


def _read_future(settings: Settings, made: "Forecast") -> pl.DataFrame | None:
    """What each customer does in the twelve months that were forecast; null where nobody knows."""
    path = settings.truth / "future.csv"
    if not path.exists():
        return None
    told = pl.read_csv(path, infer_schema=False).filter(
        pl.col("as_of") == made.plan.as_of.isoformat()
    )
    if told.is_empty():
        return None
    by_person = (
        made.values.join(_name_persons(settings), on="customer_id")
        .group_by("person_id")
        .agg(
            pl.col("expected_spend", "low", "high").sort_by("customer_id").sum(),
            pl.col("p_active").max(),
        )
    )
    return (
        told.select("person_id", pl.col("orders").cast(pl.Int64), pl.col("spend").cast(pl.Float64))
        .join(by_person, on="person_id")
        .sort("person_id")
    )


def _result(
    table: str,
    name: str,
    passed: bool,  # noqa: FBT001  what a check is about
    said: str,
    **numbers: float | str | None,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=[SCIENCE.name, table],
        check_name=name,
        passed=bool(passed),
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata={key: value for key, value in numbers.items() if value is not None},
    )


def _unknown(table: str, name: str) -> dg.AssetCheckResult:
    return _result(table, name, True, "Nobody knows the truth about these customers.")  # noqa: FBT003
