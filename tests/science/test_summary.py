"""Orders are summarised into frequency, recency, T and monetary value as the papers define them."""

from datetime import date

import polars as pl
import pytest

from c360_dagster.science.lifetime_value import summarise
from tests.science.orders import make_orders, read_cdnow

AS_OF = date(2024, 3, 11)


def row_of(summary: pl.DataFrame, customer: str) -> tuple[float, ...]:
    (row,) = summary.filter(customer_id=customer).drop("customer_id").rows()
    return row


def test_summaries_of_five_customers_by_hand() -> None:
    summary = summarise(
        make_orders(
            [
                ("bought once", date(2024, 2, 26), 99.0),
                ("twice in a day", date(2024, 2, 12), 10.0),
                ("twice in a day", date(2024, 2, 12), 5.0),
                ("came back", date(2024, 1, 1), 50.0),
                ("came back", date(2024, 1, 15), 20.0),
                ("came back", date(2024, 2, 5), 30.0),
                ("came back", date(2024, 2, 5), 10.0),
                ("that very day", AS_OF, 7.0),
                ("only later", date(2024, 3, 12), 7.0),
            ]
        ),
        AS_OF,
    )
    assert summary.columns == ["customer_id", "frequency", "recency", "T", "monetary_value"]
    assert row_of(summary, "bought once") == (0, 0.0, 2.0, 0.0)
    assert row_of(summary, "twice in a day") == (0, 0.0, 4.0, 0.0)
    assert row_of(summary, "came back") == (2, 5.0, 10.0, 30.0)
    assert row_of(summary, "that very day") == (0, 0.0, 0.0, 0.0)
    assert summary.height == 4


def test_time_is_told_in_days_too() -> None:
    orders = make_orders([("a", date(2024, 3, 1), 1.0), ("a", date(2024, 3, 4), 1.0)])
    assert row_of(summarise(orders, AS_OF, unit="day"), "a") == (1, 3.0, 10.0, 1.0)


def test_an_unknown_unit_is_named() -> None:
    with pytest.raises(ValueError, match="unit is 'month'; take one of day, week"):
        summarise(make_orders([]), AS_OF, unit="month")


def test_a_return_is_no_purchase_and_reduces_the_one_before() -> None:
    summary = summarise(
        make_orders(
            [
                ("a", date(2024, 1, 1), 100.0),
                ("a", date(2024, 1, 10), -60.0),
                ("a", date(2024, 1, 22), 30.0),
                ("a", date(2024, 1, 29), 50.0),
                ("a", date(2024, 3, 4), -20.0),
                ("gave back alone", date(2024, 1, 1), -5.0),
                ("a voucher paid", date(2024, 1, 1), 8.0),
                ("a voucher paid", date(2024, 1, 8), 0.0),
            ]
        ),
        AS_OF,
    )
    assert row_of(summary, "a") == (2, 4.0, 10.0, 30.0)
    assert row_of(summary, "a voucher paid") == (1, 1.0, 10.0, 0.0)
    assert summary.height == 2


def test_ids_that_are_numbers_stay_text() -> None:
    orders = make_orders([("007", AS_OF, 1.0), ("7", AS_OF, 1.0)])
    assert summarise(orders, AS_OF)["customer_id"].to_list() == ["007", "7"]
    numbers = orders.with_columns(pl.Series("customer_id", [10, 9]))
    assert summarise(numbers, AS_OF)["customer_id"].to_list() == ["10", "9"]


def test_cdnow_is_summarised_as_published() -> None:
    summary = summarise(read_cdnow(), date(1997, 9, 30))
    assert summary.height == 2357
    assert (summary["frequency"] > 0).sum() == 946
    assert row_of(summary, "0001") == pytest.approx((2, 30.43, 38.86, 22.35), abs=0.01)


def test_orders_that_lack_a_column_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="orders lack amount; they need customer_id"):
        summarise(make_orders([]).drop("amount"), AS_OF)


def test_the_order_of_the_rows_does_not_matter() -> None:
    orders = read_cdnow()
    shuffled = orders.sample(fraction=1, shuffle=True, seed=1)
    assert summarise(shuffled, AS_OF).equals(summarise(orders, AS_OF))
