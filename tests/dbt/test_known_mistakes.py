"""Mistakes that projects of this kind have made: each test fails if its mistake is made again."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from landing_contract import read_contract
from tests.dbt.warehouse import Warehouse

D = Decimal
ORDER = {"subtotal": 10, "tax_amount": 0, "discount_amount": 0, "total_amount": 10,
         "status": "completed", "channel": "store"}  # fmt: skip
LINE = {"quantity": 1, "unit_price": 10, "line_total": 10, "discount_applied": 0}


def land_a_small_retailer(warehouse: Warehouse) -> None:
    warehouse.land("customers", [{"customer_id": "c1", "first_name": "Ann", "state": "OH",
                                  "registration_date": "2024-01-01 00:00:00"}])  # fmt: skip
    warehouse.land("warehouse_locations", [
        {"location_id": "s1", "location_name": "Mall", "location_type": "Store", "city": "Akron",
         "state": "Ohio"},
        {"location_id": "s2", "location_name": "High Street", "location_type": "store"},
        {"location_id": "w1", "location_name": "Depot", "location_type": "warehouse"},
    ])  # fmt: skip
    warehouse.land("products", [
        {"product_id": "p1", "category": "Toys", "brand": "A", "price": 10, "cost": 4,
         "status": "active"},
        {"product_id": "p2", "category": "Food", "brand": "B", "price": 10,
         "status": "discontinued"},
        {"product_id": "p3", "category": "Art", "brand": "C", "price": 10, "status": "active"},
    ])  # fmt: skip
    for day, stocks in (("05", (8, 0, 9)), ("09", (6, 0, 9))):
        warehouse.land("inventory", [
            {"inventory_id": f"v{number}", "product_id": f"p{number}", "location_id": "s1",
             "stock_quantity": stock, "last_updated": f"2025-01-{day} 00:00:00"}
            for number, stock in enumerate(stocks, start=1)
        ], known=f"2025-01-{day}")  # fmt: skip
    warehouse.land("suppliers", [{"supplier_id": "u1", "supplier_name": "Acme",
                                  "quality_rating": "4.50"}])  # fmt: skip
    warehouse.land("product_suppliers", [
        {"product_id": "p1", "supplier_id": "u1", "is_primary": True, "lead_time_days": 3},
        {"product_id": "p2", "supplier_id": "u1", "is_primary": True, "lead_time_days": 6,
         "cost_price": 5},
        {"product_id": "p3", "supplier_id": "u2", "is_primary": False, "lead_time_days": 1},
    ])  # fmt: skip
    warehouse.land("transactions", [
        {**ORDER, "transaction_id": "t1", "customer_id": "c1", "store_id": "s1",
         "transaction_date": "2025-01-02 10:00:00", "subtotal": 30, "total_amount": 30},
        {**ORDER, "transaction_id": "t2", "customer_id": "c1", "store_id": "s2",
         "transaction_date": "2025-01-10 10:00:00"},
    ])  # fmt: skip
    warehouse.land("transaction_items", [
        {**LINE, "item_id": "i1", "transaction_id": "t1", "product_id": "p1"},
        {**LINE, "item_id": "i2", "transaction_id": "t1", "product_id": "p2", "quantity": 2,
         "line_total": 20},
        {**LINE, "item_id": "i3", "transaction_id": "t2", "product_id": "p1"},
    ])  # fmt: skip
    warehouse.land("shipments", [
        {"shipment_id": "h1", "transaction_id": "t1", "origin_location": "w1",
         "ship_date": "2025-01-03", "estimated_delivery": "2025-01-05",
         "actual_delivery": "2025-01-07", "delivery_status": "delivered", "shipping_cost": "4.50"},
    ])  # fmt: skip
    warehouse.land("tracking_events", [
        {"event_id": f"e{number}", "shipment_id": "h1", "event_type": event,
         "event_timestamp": f"2025-01-0{number} 08:00:00"}
        for number, event in [(3, "picked_up"), (7, "delivered")]
    ])  # fmt: skip
    warehouse.land("regional_sales", [
        {"region_id": "OH", "sales_date": "2025-01-02", "total_revenue": 30,
         "total_transactions": 1},
        {"region_id": "OH", "sales_date": "2025-01-10", "total_revenue": 12,
         "total_transactions": 1},
    ])  # fmt: skip
    agreed = {"customer_id": "c1", "purpose": "marketing_email", "granted": True}
    warehouse.land("consents", [{**agreed, "updated_at": "2025-01-01 00:00:00"}])
    land_more_answers(warehouse)
    warehouse.land("support_tickets", [
        {"ticket_id": "k1", "customer_id": "c1", "created_date": "2025-01-08 10:00:00",
         "resolved_date": "2025-01-08 13:00:00", "status": "resolved", "category": "Shipping",
         "channel": "Chat"},
    ])  # fmt: skip
    warehouse.land("app_usage", [
        {"usage_id": "a1", "customer_id": "c1", "session_date": "2025-01-09", "pages_viewed": 4,
         "session_duration_minutes": 6, "device_type": "ios"},
        {"usage_id": "a2", "customer_id": "c1", "session_date": "2024-11-20", "pages_viewed": 1,
         "session_duration_minutes": 1, "device_type": "web"},
    ])  # fmt: skip
    warehouse.land("customer_master", [{"customer_id": "001", "name": "Bo Ek",
                                        "location": "Dayton, Ohio"}])  # fmt: skip
    warehouse.land("workbook_transactions", [
        {"transaction_id": "t1", "customer_id": "001", "amount": "8.25",
         "transaction_date": "2025-01-04 10:00:00"},
    ])  # fmt: skip
    warehouse.land("web_interactions", [{"session_id": "a1", "customer_id": "001", "page_views": 2,
                                         "session_duration": 90,
                                         "interaction_date": "2025-01-09 08:00:00"}])  # fmt: skip
    warehouse.land("arrivals", [
        {"arrival_id": f"r{hour}", "location_id": "s1", "channel": "store", "arrivals": arrivals,
         "arrival_hour": f"2025-01-02 {hour}:00:00"}
        for hour, arrivals in [(10, 3), (11, 5), (12, 5)]
    ])  # fmt: skip


def land_more_answers(warehouse: Warehouse) -> None:
    def answer_row(purpose: str, answer: str, day: str | None) -> dict[str, Any]:
        at = day and f"2025-01-{day} 09:00:00"
        return {"customer_id": "c1", "purpose": purpose, "granted": answer == "yes",
                "updated_at": at}  # fmt: skip

    warehouse.land("consents", [
        answer_row("newest first", "no", "05"), answer_row("newest first", "yes", "02"),
        answer_row("at once", "no", "05"), answer_row("at once", "yes", "05"),
        answer_row("after the day", "no", "05"), answer_row("after the day", "yes", "20"),
        answer_row("late file", "no", "05"), answer_row("corrected", "no", "05"),
        answer_row("undated", "yes", "02"),
    ], known="2025-01-06")  # fmt: skip
    warehouse.land("consents", [
        answer_row("Late file", "yes", "02"), answer_row("corrected", "yes", "05"),
        answer_row("undated", "no", None),
    ], known="2025-01-08")  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("mistakes"))
    warehouse.create_bronze()
    land_a_small_retailer(warehouse)
    assert warehouse.build() == {}
    return warehouse


def mart(warehouse: Warehouse, *columns: str) -> tuple[Any, ...]:
    query = f"select {', '.join(columns)} from gold.mart_customer_360 where customer_id = 'c1'"
    (row,) = warehouse.rows(query)
    return row


def test_recency_is_counted_to_the_as_of_day_not_to_today(warehouse: Warehouse) -> None:
    assert mart(warehouse, "as_of_date", "days_since_last_order") == (date(2025, 1, 10), 0)
    assert mart(warehouse, "sessions_90d") == (2,)


def test_an_unanswered_satisfaction_is_null(warehouse: Warehouse) -> None:
    assert mart(warehouse, "avg_satisfaction") == (None,)
    rows = warehouse.rows("select * from gold.issue_resolution")
    assert rows == [("shipping", "chat", "2025-01", 1, 1, 3.0, None)]


def test_a_discontinued_product_that_was_sold_is_not_lost(warehouse: Warehouse) -> None:
    rows = warehouse.rows("select * from gold.category_performance order by 1")
    assert rows == [
        ("Food", 2, D("20.00"), D("10.000000")),
        ("Toys", 2, D("20.00"), D("10.000000")),
    ]
    rows = warehouse.rows(
        "select product_id, is_withdrawn, is_inferred from silver.int_customer_products order by 1"
    )
    assert rows == [("p1", False, False), ("p2", True, False)]


def test_every_landing_table_reaches_gold(manifest: dict[str, Any]) -> None:
    reached = {
        name for name in read_contract() if reaches_gold(manifest, f"source.c360.bronze.{name}")
    }
    assert set(read_contract()) - reached == set()


def reaches_gold(manifest: dict[str, Any], unique_id: str) -> bool:
    node = manifest["nodes"].get(unique_id, {})
    return node.get("schema") == "gold" or any(
        reaches_gold(manifest, child)
        for child in manifest["child_map"][unique_id]
        if child.startswith("model.")
    )


def test_inventory_suppliers_shipments_and_regions_are_used(warehouse: Warehouse) -> None:
    assert warehouse.rows("select * from gold.supplier_performance order by 1") == [
        # p1 and p2: 2 + 2 units, 20 + 20 revenue, less 2 x 4 and 2 x 5 (the supplier's price)
        ("u1", "Acme", 2, 4, D("40.00"), D("22.00"), 4.5, D("4.5000"), 1),
        ("u2", None, 0, 0, D("0.00"), None, 1.0, None, 0),
    ]
    stock = "select stock_on_hand, days_of_stock from gold.product_performance where product_id = "
    assert warehouse.rows(stock + "'p1'") == [(6, 27.0)]  # two were sold in 9 days
    assert warehouse.rows(
        "select customer_id, last_event_type, tracking_events, is_late, delivery_days"
        " from gold.fulfillment"
    ) == [("c1", "delivered", 2, True, 4)]
    assert mart(warehouse, "late_deliveries") == (1,)
    # t2's store has no state, so its customer's counts, Ohio: 12 in the ledger, 10 in orders
    regional = "select compared, differing, largest_difference from gold.reconciliation where"
    assert warehouse.rows(f"{regional} check_name = 'regional ledger vs orders'") == [
        (2, 1, D("2.00"))
    ]


def test_locations_know_their_orders_parcels_stock_and_tickets(warehouse: Warehouse) -> None:
    rows = warehouse.rows("select * from gold.operational_efficiency order by 1, 2")
    assert rows == [
        # the ticket of the 8th belongs to s1, where the order of the 2nd was; three shelves were
        # counted twice, and p2's was empty both times
        ("s1", "2025-01", 1, None, None, None, 0.333333, 100.0, 3.0),
        ("s2", "2025-01", 1, None, None, None, None, 0.0, None),
        ("unknown", "2025-01", 1, None, None, None, None, 0.0, None),
        ("w1", "2025-01", 0, 0.0, 4.0, D("4.500000"), None, None, None),
    ]


def test_arrivals_meet_orders(warehouse: Warehouse) -> None:
    rows = warehouse.rows("select * from gold.arrivals_summary")
    assert rows == [("s1", "store", date(2025, 1, 2), 13, 1, 0.076923, 11)]


def test_the_last_answer_is_not_the_last_row(warehouse: Warehouse) -> None:
    answers = "select purpose, is_granted from gold.customer_consents where purpose not like 'm%'"
    assert dict(warehouse.rows(answers)) == {
        "newest first": False,
        "at once": False,
        "after the day": False,
        "late file": False,
        "corrected": True,
        "undated": False,
    }


def test_consent_has_a_column(warehouse: Warehouse) -> None:
    assert mart(warehouse, "marketing_consent") == (True,)
    assert warehouse.rows(
        "select marketing_consent from gold.mart_customer_360 where customer_id = 'wb-001'"
    ) == [(None,)]


def test_products_that_a_store_stocks_are_no_purchases(warehouse: Warehouse) -> None:
    # s1 stocks Toys, Food and Art; c1 bought Toys and Food
    assert mart(warehouse, "categories_purchased", "brands_purchased") == (2, 2)


def test_a_customer_of_two_stores_has_one_row(warehouse: Warehouse) -> None:
    assert mart(warehouse, "store_id", "store_name") == ("s2", "High Street")
    assert warehouse.rows("select count(*) from gold.mart_customer_360") == [(2,)]


def test_every_customer_has_a_history(warehouse: Warehouse) -> None:
    # 001 is only in the workbooks, which have no dates, so the row is valid from the beginning
    rows = warehouse.rows(
        "select customer_id, valid_from, valid_to, city, state"
        " from gold.dim_customers_history order by 1"
    )
    always = date(1900, 1, 1)
    assert rows == [
        ("c1", always, None, None, "OH"),
        ("wb-001", always, None, "Dayton", "OH"),
    ]


def test_order_value_is_per_order(warehouse: Warehouse) -> None:
    # 30 and 10 over two orders, not 40 over three lines
    assert mart(warehouse, "total_orders", "avg_order_value") == (2, D("20.000000"))
    rows = warehouse.rows("select * from gold.customer_lifetime_value")
    assert rows == [("c1", 2, D("40.00"), D("20.000000"))]


def test_equal_order_ids_of_two_systems_stay_apart(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select order_id, customer_id, total_amount from gold.fct_orders order by 1"
    )
    assert rows == [
        ("t1", "c1", D("30.00")), ("t2", "c1", D("10.00")), ("wb-t1", "wb-001", D("8.25")),
    ]  # fmt: skip
    rows = warehouse.rows("select session_id, minutes from gold.fct_sessions order by 1")
    assert rows == [("a1", D("6.00")), ("a2", D("1.00")), ("wb-a1", D("1.50"))]


def test_columns_of_the_statistics_are_null_until_these_run(warehouse: Warehouse) -> None:
    assert mart(warehouse, "persona", "clv_12m", "churn_risk", "next_best_category") == (None,) * 4
