"""What the pipeline asks of the statistics: which tables it gets, how each estimate is judged."""

import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from c360_dagster.building.computed import read_computed
from c360_dagster.science.answers import NOBODY_KNOWS, Answer, make_finding, tabulate
from c360_dagster.science.answers.campaigns import answer_campaigns
from c360_dagster.science.answers.forecasts import _is_covered, answer_forecasts
from c360_dagster.science.answers.segments import answer_segments, judge_stability
from c360_dagster.science.answers.suggestions import answer_suggestions
from c360_dagster.science.lifetime_value import NO_SEASON, measure_customers, plan_rehearsal
from c360_dagster.science.model_card import Evidence, write_card
from c360_dagster.science.segmentation import fit_segments
from c360_dagster.science.standards import CHECKS
from tests.science.orders import START, run_shop
from tests.science.retailer import Retailer

NOBODY = pl.DataFrame(schema={"customer_id": pl.String, "cluster_id": pl.Int64})


def read_finding(answer: Answer, check: str) -> tuple[bool, str]:
    (finding,) = (finding for finding in answer.findings if finding.check == check)
    return finding.is_passed, finding.said


def assert_declared(answer: Answer) -> None:
    """Checks that every column declared in dbt is there and every finding has a declared check."""
    for name, frame in answer.tables.items():
        declared = {column.name for column in read_computed()[f"science.{name}"].columns}
        assert declared <= set(frame.columns), name
    known = {check for checks in CHECKS.values() for check in checks}
    assert {finding.check for finding in answer.findings} <= known


def ask_for_segments(retailer: Retailer, before: pl.DataFrame, days_ago: int = 0) -> Answer:
    features = retailer.features(retailer.as_of - timedelta(days=days_ago)).with_columns(
        recency_days=pl.lit(9), span_days=pl.lit(90), online_share=pl.lit(0.5),
        sessions_90d=pl.lit(2),
    )  # fmt: skip
    return answer_segments(features, before, truth=None)


@pytest.mark.parametrize(
    ("changed", "is_passed", "ending"),
    [
        ({}, True, "smallest segment 5.0% of the customers."),
        ({"is_clearly_better": [False, True]}, False, " Clearly better: 6 segments."),
        ({"mean_ari": [0.79, 0.7]}, False, " 5.0% of the customers."),
        ({"smallest_share": [0.04, 0.1]}, False, "smallest segment 4.0% of the customers."),
    ],
)  # fmt: skip
def test_unstable_segments_are_reported(
    *, changed: dict[str, list[object]], is_passed: bool, ending: str
) -> None:
    """Five segments are used here; six were tried as well."""
    tried: dict[str, list[object]] = {
        "k": [5, 6],
        "mean_ari": [0.8, 0.7],
        "smallest_share": [0.05, 0.1],
        "is_chosen": [True, False],
        "is_clearly_better": [False, False],
    }
    finding = judge_stability(pl.DataFrame(tried | changed))
    assert finding.is_passed == is_passed
    assert finding.said.endswith(ending)


def test_all_checks_pass_without_customers() -> None:
    """Before the first order, both checks must pass, or the report would list them as findings."""
    tried = fit_segments(pl.DataFrame(schema={"customer_id": pl.String, "a": pl.Float64})).stability
    finding = judge_stability(tried)
    assert (finding.is_passed, finding.said) == (True, "Nobody has ordered yet.")
    plans = [plan_rehearsal(START, START + timedelta(days=days), 30) for days in (60, 30)]
    orders = run_shop(customers=1, days=60, seed=1).clear()
    rows, past = (measure_customers(orders, each) for each in plans)
    answer = answer_forecasts(rows, plans[0], past, plans[1], truth=None)
    assert all(finding.is_passed for finding in answer.findings)


@pytest.fixture(scope="module")
def yesterdays_answer(retailer: Retailer) -> Answer:
    return ask_for_segments(retailer, NOBODY, days_ago=1)


def test_the_share_of_changed_personas_is_reported(
    retailer: Retailer, yesterdays_answer: Answer
) -> None:
    assert_declared(yesterdays_answer)
    assert read_finding(yesterdays_answer, "personas_last") == (True, "This is the first run.")
    assert read_finding(yesterdays_answer, "personas_agree_with_the_truth") == (True, NOBODY_KNOWS)
    labels = yesterdays_answer.tables["segments"].select("customer_id", "cluster_id")
    passed, told = read_finding(ask_for_segments(retailer, labels), "personas_last")
    assert passed
    assert 0.0 < float(told.split("%")[0]) <= 3.0
    swapped = labels.with_columns(pl.col("cluster_id") % 5 + 1)
    passed, told = read_finding(ask_for_segments(retailer, swapped), "personas_last")
    assert not passed
    assert told.endswith("% of the customers have another persona than in the run before.")


def test_the_model_card_begins_with_the_limitations() -> None:
    as_of = START + timedelta(days=300)
    orders = run_shop(customers=400, days=301, seed=2)
    plan = plan_rehearsal(START, as_of, 180)
    past_plan = plan_rehearsal(START, plan.cutoff, plan.window_days)
    rows, past = (measure_customers(orders, each) for each in (plan, past_plan))
    answer = answer_forecasts(rows, plan, past, past_plan, truth=None)
    assert_declared(answer)
    card = write_card(
        Evidence(
            as_of=as_of,
            customers=400,
            orders=orders.height,
            evaluations=tabulate(answer.findings),
            parameters={
                name: json.loads(text) for name, text in answer.tables["parameters"].iter_rows()
            },
            stability=pl.DataFrame(),
            calibration=answer.tables["calibration"],
            clusters=pl.DataFrame(),
            centroids=pl.DataFrame(),
        ),
        link=lambda name, _svg: name,
    )
    _, shown = card.split("## Value and churn")
    assert f"- {NO_SEASON.format(days=300)}" in shown[: shown.index("![Spend")]


def test_forecasts_are_compared_with_the_simulated_future() -> None:
    """A person with two ids counts once, and the forecasts for both ids are added up."""
    as_of = date(2024, 12, 31)
    orders = run_shop(customers=400, days=500, seed=2)
    plan = plan_rehearsal(START, as_of, 90)
    past_plan = plan_rehearsal(START, plan.cutoff, plan.window_days)
    rows, past = (measure_customers(orders, each) for each in (plan, past_plan))
    ids = rows["customer_id"]
    nobody_buys = pl.DataFrame({"customer_id": ids, "person_id": ids.str.slice(0, 5)})
    truth = nobody_buys.with_columns(orders=pl.lit(0), spend=pl.lit(0.0))
    passed, told = read_finding(
        answer_forecasts(rows, plan, past, past_plan, truth), "agrees_with_the_future"
    )
    assert not passed
    assert told.endswith(f"over {ids.str.slice(0, 5).n_unique()} customers.")


def test_intervals_may_cover_more_if_most_customers_buy_nothing() -> None:
    """Intervals should hold 80 % of the customers.

    If 90 % buy nothing, an interval that begins at zero holds all of these, so more is allowed.
    """
    fine = [(0.75, 0.0), (0.85, 0.8), (0.89, 0.85), (0.94, 0.9)]
    wrong = [(0.74, 0.9), (0.86, 0.8), (0.91, 0.85), (0.96, 0.9)]
    assert all(_is_covered(covered, nothing) for covered, nothing in fine)
    assert not any(_is_covered(covered, nothing) for covered, nothing in wrong)


def test_best_sellers_are_suggested_and_pass_if_tastes_are_random() -> None:
    rng = np.random.default_rng(2)
    bought = pl.DataFrame(
        {
            "customer_id": [f"{i}" for i in rng.integers(0, 200, 1200)],
            "item": [f"i{i}" for i in rng.geometric(0.1, 1200)],
            "order_date": rng.integers(0, 300, 1200),
        }
    )
    catalogue = list_catalogue(bought)
    answer = answer_suggestions(bought, catalogue, is_simulated=True)
    assert_declared(answer)
    passed, told = read_finding(answer, "beats_popularity")
    assert passed
    assert told.startswith("popularity: recall at 5 is ")
    assert answer.tables["next_products"]["rank"].max() == 5


def list_catalogue(
    bought: pl.DataFrame, withdrawn: str = "^$", missing: str = "^$"
) -> pl.DataFrame:
    """Returns each item with its kind, which is its first letter.

    Items that match `withdrawn` or `missing` are withdrawn or not in the catalogue.
    """
    item = pl.col("item")
    return bought.select(
        "item",
        kind=item.str.slice(0, 1),
        is_withdrawn=item.str.contains(withdrawn),
        is_inferred=item.str.contains(missing),
    ).unique()


def test_withdrawn_products_and_empty_categories_are_not_suggested() -> None:
    names = ["a0", "a1", "b0", "b1", "c0", "c1"]
    pairs = [(f"{i}", name) for i in range(60) for name in names[: i % 7]]
    bought = pl.DataFrame(pairs, schema=["customer_id", "item"], orient="row")

    def suggest(**of: str) -> tuple[set[str], set[str]]:
        catalogue = list_catalogue(bought, **of)
        tables = answer_suggestions(bought, catalogue, is_simulated=False).tables
        return (
            set(tables["next_products"]["product_id"]),
            set(tables["next_categories"]["category"]),
        )

    assert suggest(withdrawn="b0|c") == ({"a1", "b1"}, {"b"})
    assert suggest(withdrawn="c", missing="b0") == ({"a1", "b1"}, {"b"})
    # without a catalogue, no item is known to be withdrawn
    assert suggest(missing=".") == ({"a1", "b0", "b1", "c0", "c1"}, {"b", "c"})


def test_cluster_zero_is_everybody_and_is_checked_for_planted_lifts() -> None:
    rng = np.random.default_rng(3)
    responses = pl.DataFrame(
        {
            "campaign_id": ["A"] * 600,
            "cluster_id": [1, 2, None] * 200,
            "group": ["treatment", "control"] * 300,
            "is_converted": rng.integers(0, 2, 600),
            "revenue": rng.gamma(2, 10, 600) * np.tile([1.5, 1.0], 300),
        }
    )
    planted = pl.DataFrame({"campaign_id": ["A"], "planted": [0.5]})
    answer = answer_campaigns(responses, planted)
    assert_declared(answer)
    found = answer.tables["campaign_effects"]
    assert found["cluster_id"].to_list() == [0, 1, 2]
    assert read_finding(answer, "planted_lifts_are_found") == (True, "100% of 1 campaigns.")
    wrong = answer_campaigns(responses, planted.with_columns(planted=pl.lit(5.0)))
    assert read_finding(wrong, "planted_lifts_are_found")[0] is False


def test_findings_become_rows() -> None:
    findings = [
        make_finding("a", is_passed=True, said="Well.", x=1.5, method="ease"),
        make_finding("b", is_passed=False, said="No."),
    ]
    assert tabulate(findings).rows() == [
        ("a", True, "Well.", "x", 1.5),
        ("a", True, "Well.", "method", None),
        ("b", False, "No.", "", None),
    ]
