"""One reporting currency: others are converted by rates, or the build says why they cannot be."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.dbt.warehouse import Warehouse

D = Decimal
ERROR = "test.c360.currencies_can_be_added"


def order(order_id: str, placed: str | None, currency: str | None) -> dict[str, Any]:
    return {"transaction_id": order_id, "transaction_date": placed, "currency": currency,
            "subtotal": "10", "tax_amount": "1", "discount_amount": "0", "total_amount": "11",
            "status": "completed"}  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path)
    warehouse.create_bronze()
    orders = [
        order("t1", "2026-01-05 10:00:00", "USD"),
        order("t2", "2026-01-06 10:00:00", "eur "),
        order("t3", "2026-01-09 10:00:00", "EUR"),
        order("t4", "2026-01-09 10:00:00", None),
    ]
    warehouse.land("transactions", orders)
    warehouse.land("products", [{"product_id": "p1", "cost": "4"}])
    lines = [{"item_id": f"i{number}", "transaction_id": f"t{number}", "quantity": 1,
              "product_id": "p1",
              "unit_price": "10", "line_total": "10", "discount_applied": "0"}
             for number in range(1, 5)]  # fmt: skip
    warehouse.land("transaction_items", lines)
    return warehouse


def test_several_currencies_without_rates_are_an_error_that_names_them(
    warehouse: Warehouse,
) -> None:
    assert list(warehouse.build()) == [ERROR]
    named = "select * from test_failures.currencies_can_be_added order by 1"
    assert warehouse.rows(named) == [("EUR", 2, D("22.00")), ("USD", 1, D("11.00"))]


def test_rates_convert_orders_and_their_lines(warehouse: Warehouse) -> None:
    rates = [
        {"currency": "EUR", "date": "2026-01-01", "rate": "1.1"},
        {"currency": "EUR", "date": "2026-01-08", "rate": "1.25"},
    ]
    # an earlier file has another rate for that day, and writes the currency differently
    warehouse.land("rates", [{"currency": "eur ", "date": "2026-01-08", "rate": "9"}])
    warehouse.land("rates", rates, known="2026-01-08")
    assert warehouse.build() == {}
    amounts = "select order_id, total_amount, net_amount from gold.fct_orders order by 1"
    assert warehouse.rows(amounts) == [
        ("t1", D("11.00"), D("10.00")),
        ("t2", D("12.10"), D("11.00")),
        ("t3", D("13.75"), D("12.50")),
        ("t4", D("11.00"), D("10.00")),
    ]
    # the catalogue's costs are in the reporting currency: t3's margin is 12.50 less 4
    margins = "select order_id, unit_cost, margin from gold.fct_order_lines order by 1"
    assert warehouse.rows(margins) == [
        ("t1", D("4.00"), D("6.00")),
        ("t2", D("4.00"), D("7.00")),
        ("t3", D("4.00"), D("8.50")),
        ("t4", D("4.00"), D("6.00")),
    ]
    revenue = "select total_orders, total_revenue from gold.monthly_revenue_orders"
    assert warehouse.rows(revenue) == [(4, D("43.50"))]
    assert warehouse.rows("from gold.reporting_currency") == [("USD",)]


def test_an_order_before_its_currencys_first_rate_has_no_amount_anywhere(
    warehouse: Warehouse,
) -> None:
    warehouse.land("rates", [{"currency": "EUR", "date": "2026-01-08", "rate": "1.25"}])
    assert warehouse.build() == {}
    # t2 is older than the rate; t1 and t4 count 10, t3 counts 10 x 1.25
    assert warehouse.rows("select total_amount from gold.fct_orders where order_id = 't2'") == [
        (None,)
    ]
    revenue = "select total_revenue from gold.monthly_revenue_orders"
    assert warehouse.rows(revenue) == [(D("32.50"),)]


def test_a_rate_of_zero_is_named(warehouse: Warehouse) -> None:
    rates = [("2026-01-01", "1.1"), ("2026-01-07", "0"), ("2026-01-08", "-1.1")]
    warehouse.land("rates", [{"currency": "EUR", "date": d, "rate": rate} for d, rate in rates])
    assert warehouse.build() == {}
    named = "select currency, rates from test_failures.rates_are_above_zero"
    assert warehouse.rows(named) == [("EUR", 2)]


def test_an_order_without_a_day_stops_nothing_and_has_no_amount(warehouse: Warehouse) -> None:
    warehouse.land("transactions", [order("t5", None, "EUR")])
    warehouse.land("rates", [{"currency": "EUR", "date": "2026-01-01", "rate": "1.1"}])
    assert warehouse.build() == {}
    amount = "select total_amount from gold.fct_orders where order_id = 't5'"
    assert warehouse.rows(amount) == [(None,)]
    # no warning about missing rates, because no earlier rate would help
    warned = "select table_name from duckdb_tables() where schema_name = 'test_failures'"
    assert warehouse.rows(warned) == [("essential_cells_are_filled",)]


def test_a_currency_is_not_forgotten_where_the_rates_name_the_reporting_one(
    warehouse: Warehouse,
) -> None:
    rates = [{"currency": "GBP", "date": "2026-01-01", "rate": "1"},
             {"currency": "EUR", "date": "2026-01-01", "rate": "1.1"}]  # fmt: skip
    warehouse.land("rates", rates)
    assert list(warehouse.build()) == [ERROR]
    named = "select currency from test_failures.currencies_can_be_added"
    assert warehouse.rows(named) == [("USD",)]
