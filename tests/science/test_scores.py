"""Scores lie in [0, 1], grow with what they measure, and equal examples worked by hand."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c360_dagster.science.scores import SCORE_FEATURES, scores

REGULAR = (5, 0, 365, 1, 0.4, 3, 5)
ONCE = (1, 180, 0, 0.125, 0, 1, 0)
VISITOR = (0, None, None, None, None, None, 10)


def customers(*rows: tuple[float | None, ...]) -> pl.DataFrame:
    schema = dict.fromkeys(SCORE_FEATURES, pl.Float64)
    frame = pl.DataFrame([[None if v is None else float(v) for v in r] for r in rows],
                         schema=schema, orient="row")  # fmt: skip
    return frame.with_columns(customer_id=pl.Series([str(i) for i in range(len(rows))]))


def test_scores_of_a_regular_who_bought_today() -> None:
    (row,) = scores(customers(REGULAR)).iter_rows(named=True)
    assert row["churn_risk_proxy"] == 0.0
    assert row["loyalty_score"] == pytest.approx(0.25 + 0.15 + 0.2)
    assert row["engagement_index"] == pytest.approx(0.175 + 0.25 + 0.125 + 0.15)
    assert row["online_purchase_ratio"] == pytest.approx(0.4)
    assert row["engagement_weight"] == pytest.approx(1.2)


def test_a_one_time_buyer_of_half_a_year_ago_has_a_churn_risk_of_one_half() -> None:
    (row,) = scores(customers(ONCE)).iter_rows(named=True)
    assert row["churn_risk_proxy"] == pytest.approx(0.5)
    assert row["loyalty_score"] == pytest.approx(0.1)
    assert row["engagement_index"] == pytest.approx(0.35 * (1 - 2**-0.125) + 0.25 / 4, abs=1e-6)
    assert row["online_purchase_ratio"] == 0.0


def test_customers_who_never_bought_have_no_churn_risk_and_no_ratio() -> None:
    for row in scores(customers(VISITOR, (None, *VISITOR[1:]))).iter_rows(named=True):
        assert row["churn_risk_proxy"] is None
        assert row["online_purchase_ratio"] is None
        assert row["loyalty_score"] == 0.0
        assert row["engagement_index"] == pytest.approx(0.25 * 0.75)


def test_orders_without_a_channel_do_not_count_as_store_orders() -> None:
    (row,) = scores(customers((5, 0, 365, 1, None, 0, 5))).iter_rows(named=True)
    assert row["online_purchase_ratio"] is None
    assert row["loyalty_score"] == pytest.approx(0.25 + 0.15 + 0.2)


def test_the_usual_gap_tells_who_is_late() -> None:
    """Sixty days without an order are long for a weekly shopper, not for one of twice a year."""
    weekly, seldom = scores(customers((52, 60, 364, 4, 0, 1, 0), (3, 60, 364, 0.2, 0, 1, 0)))[
        "churn_risk_proxy"
    ]
    assert weekly > 0.9
    assert seldom < 0.2


amounts = st.one_of(st.none(), st.floats(0, 1e6))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[amounts] * len(SCORE_FEATURES)), min_size=1, max_size=10))
def test_scores_lie_between_zero_and_one(rows: list[tuple[float | None, ...]]) -> None:
    found = scores(customers(*rows))
    assert found.height == len(rows)
    for name in ("loyalty_score", "engagement_index", "online_purchase_ratio", "churn_risk_proxy"):
        assert found[name].drop_nulls().is_between(0.0, 1.0).all()
    assert found["engagement_weight"].is_between(0.5, 1.5).all()


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="span_days"):
        scores(pl.DataFrame({"customer_id": ["a"], "orders": [1]}))


def test_no_customers_have_no_scores() -> None:
    assert scores(customers(REGULAR).clear()).height == 0
