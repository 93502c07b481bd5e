"""What was known on a day stays the same: files that come later do not change it."""

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.dbt.warehouse import Warehouse
from tests.test_clock import IN_SQL

AS_OF = "2026-01-10"
D = Decimal
Gold = dict[str, list[tuple[Any, ...]]]
Worlds = tuple[Gold, Gold, Warehouse]


def order(order_id: str, placed: str | None, total: int, customer: str = "c1") -> dict[str, Any]:
    return {"transaction_id": order_id, "customer_id": customer, "transaction_date": placed,
            "channel": "store", "store_id": "s1", "subtotal": total, "tax_amount": 0,
            "discount_amount": 0, "total_amount": total, "status": "completed"}  # fmt: skip


def line(line_id: str, order_id: str, total: int) -> dict[str, Any]:
    return {"item_id": line_id, "transaction_id": order_id, "product_id": "p1", "quantity": 1,
            "unit_price": total, "line_total": total, "discount_applied": 0}  # fmt: skip


def ticket(
    ticket_id: str, opened: str, resolved: str | None = None, score: int | None = None
) -> dict[str, Any]:
    return {"ticket_id": ticket_id, "customer_id": "c1", "created_date": opened,
            "resolved_date": resolved, "status": "resolved" if resolved else "open",
            "category": "billing", "channel": "chat", "satisfaction_score": score}  # fmt: skip


def land_what_was_known(warehouse: Warehouse) -> None:
    warehouse.land(
        "customers", [{"customer_id": "c1", "city": "Rome", "customer_segment": "basic"}]
    )
    for known in ("2026-01-05", "2026-01-09"):  # the second file says nothing new
        warehouse.land("customers", [{"customer_id": "c1", "city": "Oslo"}], known=known)
    warehouse.land("loyalty_program", [{"customer_id": "c1", "loyalty_tier": "silver",
                                        "points_balance": 10}], known="2026-01-07")  # fmt: skip
    toy = {"product_id": "p1", "category": "Toys", "price": 10, "cost": 4}
    for day in (None, "2026-01-09"):  # the second file says nothing new
        warehouse.land("products", [toy], known=day)
    warehouse.land("transactions", [order("t1", "2026-01-02 10:00:00", 10)], known="2026-01-05")
    warehouse.land("transaction_items", [line("i1", "t1", 10)], known="2026-01-05")
    warehouse.land(
        "transactions",
        [order("t2", "2026-01-09 10:00:00", 20), order("t3", "2026-01-12 10:00:00", 40)],
        known="2026-01-10",
    )
    warehouse.land(
        "transaction_items", [line("i2", "t2", 20), line("i3", "t3", 40)], known="2026-01-10"
    )
    warehouse.land(
        "support_tickets",
        [
            ticket("k1", "2026-01-03 10:00:00", "2026-01-03 16:00:00", 4),
            ticket("k2", "2026-01-04 10:00:00", "2026-01-20 10:00:00", 1),
        ],
    )
    warehouse.land("campaigns", [{"campaign_id": "m1", "start_date": "2026-01-08"}])
    warehouse.land("campaign_contacts", [{"contact_id": "a1", "campaign_id": "m1",
                                          "customer_id": "c1", "group": "treatment",
                                          "sent_at": "2026-01-09 08:00:00",
                                          "opened_at": "2026-01-10 08:00:00",
                                          "clicked_at": "2026-01-11 08:00:00"}])  # fmt: skip
    warehouse.land("inventory", [{"inventory_id": "v1", "product_id": "p1", "location_id": "s1",
                                  "stock_quantity": 7,
                                  "last_updated": "2026-01-04 00:00:00"}])  # fmt: skip
    warehouse.land("customer_master", [{"customer_id": "w1"}])
    warehouse.land("regional_sales", [{"region_id": "OH", "sales_date": "2026-01-02"}])
    warehouse.land("shipments", [{"shipment_id": "h1", "transaction_id": "t1",
                                  "ship_date": "2026-01-03"}])  # fmt: skip


def land_events_of_another_year(warehouse: Warehouse) -> None:
    """Adds an event of each kind to files without a day, which are known as of any day."""
    day, time = "2099-01-01", "2099-01-01 10:00:00"
    person, shopper = {"customer_id": "c1"}, {"customer_id": "w1"}
    events: dict[str, dict[str, Any]] = {
        "support_tickets": ticket("future", time),
        "app_usage": {"usage_id": "future", **person, "session_start": time, "pages_viewed": 9,
                      "session_duration_minutes": 9},
        "consents": {**person, "purpose": "marketing_email", "granted": True, "updated_at": time},
        "shipments": {"shipment_id": "future", "transaction_id": "t1", "origin_location": "w9",
                      "ship_date": day, "delivery_status": "lost", "shipping_cost": 9},
        "tracking_events": {"event_id": "future", "shipment_id": "h1", "event_timestamp": time},
        "inventory": {"inventory_id": "future", "product_id": "p1", "location_id": "s9",
                      "stock_quantity": 9, "last_updated": time},
        "arrivals": {"arrival_id": "future", "location_id": "s1", "channel": "store",
                     "arrival_hour": time, "arrivals": 9},
        "campaign_contacts": {"contact_id": "future", "campaign_id": "m1", **person,
                              "group": "control", "sent_at": time},
        "regional_sales": {"region_id": "OH", "sales_date": day, "total_revenue": 9},
        "workbook_transactions": {"transaction_id": "future", **shopper, "transaction_date": time,
                                  "amount": 9},
        "customer_support": {"ticket_id": "future", **shopper, "created_at": time},
        "web_interactions": {"session_id": "future", **shopper, "interaction_date": time,
                             "page_views": 9, "session_duration": 9},
    }  # fmt: skip
    for table, event in events.items():
        warehouse.land(table, [event], part="future")


def land_what_came_later(warehouse: Warehouse) -> None:
    later = "2026-01-15"
    warehouse.land("customers", [{"customer_id": "c1", "city": "Bonn"},
                                 {"customer_id": "c2", "city": "Bern"}], known=later)  # fmt: skip
    warehouse.land("loyalty_program", [{"customer_id": "c1", "loyalty_tier": "gold",
                                        "points_balance": 99}], known=later)  # fmt: skip
    warehouse.land("products", [{"product_id": "p1", "category": "Games", "price": 12, "cost": 5}],
                   known=later)  # fmt: skip
    corrected = order("t1", "2026-01-02 10:00:00", 11)
    late = order("t4", "2026-01-08 10:00:00", 80, customer="c7")
    new = order("t5", "2026-01-14 10:00:00", 160)
    warehouse.land("transactions", [corrected, late, new], known=later)
    warehouse.land(
        "transaction_items",
        [line("i1", "t1", 11), line("i4", "t4", 80), line("i5", "t5", 160)],
        known=later,
    )
    warehouse.land("support_tickets", [ticket("k3", "2026-01-05 10:00:00")], known=later)
    warehouse.land("inventory", [{"inventory_id": "v1", "product_id": "p1", "location_id": "s1",
                                  "stock_quantity": 0,
                                  "last_updated": "2026-01-14 00:00:00"}], known=later)  # fmt: skip


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    """Gold as of a day, before and after later files came, and a warehouse as of the later day."""
    warehouse = Warehouse(tmp_path_factory.mktemp("as_of"))
    warehouse.create_bronze()
    land_what_was_known(warehouse)
    assert warehouse.build(as_of=AS_OF, run_id="first") == {}
    before = warehouse.gold()
    land_what_came_later(warehouse)
    land_events_of_another_year(warehouse)
    assert warehouse.build(as_of=AS_OF, run_id="second") == {}
    after = warehouse.gold()
    assert warehouse.build() == {}
    return before, after, warehouse


def test_later_files_and_events_change_nothing(worlds: Worlds) -> None:
    before, after, _ = worlds
    assert before.pop("publication") != after.pop("publication")
    kept = {
        name: [row for row in rows if row[0] not in {"future", "wb-future"}]
        for name, rows in after.items()
    }
    assert {name: rows for name, rows in kept.items() if rows != before[name]} == {}
    assert len(before) > 30
    # the events are in no table but those that list events
    assert {name for name in after if after[name] != kept[name]} == {
        "fct_campaign_contacts",
        "fct_orders",
        "fct_sessions",
        "fct_shipments",
        "fct_support_tickets",
        "fulfillment",
    }


def test_events_after_the_day_are_kept_and_not_counted(worlds: Worlds) -> None:
    before, _, _ = worlds
    # t1 10 and t2 20; t3 of 12 January was in the file of the 10th, but is in no sum
    assert before["monthly_revenue_orders"] == [("2026-01", 2, D("30.00"))]
    assert len(before["fct_orders"]) == 3


def test_a_ticket_that_was_resolved_later_was_open(worlds: Worlds) -> None:
    before, _, _ = worlds
    # k1 took six hours and was rated 4; k2 was still open and had no rating yet
    assert before["issue_resolution"] == [("billing", "chat", "2026-01", 2, 1, 6.0, 4.0)]


def test_a_message_that_was_clicked_later_was_opened_alone(worlds: Worlds) -> None:
    before, _, warehouse = worlds
    opened_and_clicked = "select opens, clicks from silver.int_campaign_responses"
    assert [row[4:6] for row in before["marketing_effectiveness"]] == [(1, 0)]
    assert warehouse.rows(opened_and_clicked) == [(1, 1)]


def test_the_default_day_is_that_of_the_latest_file(worlds: Worlds) -> None:
    _, _, warehouse = worlds
    assert warehouse.rows("select as_of_date from silver.int_data_clock") == [(date(2026, 1, 15),)]


def test_a_later_version_replaces_an_earlier_one(worlds: Worlds) -> None:
    _, _, warehouse = worlds
    # 11 + 20 + 40 + 80 + 160; the corrected t1 counts once
    assert warehouse.rows("select * from gold.monthly_revenue_orders") == [
        ("2026-01", 5, D("311.00"))
    ]
    assert warehouse.rows("select stock_on_hand from gold.product_performance") == [(0,)]


def test_histories_hold_each_version_for_its_days(worlds: Worlds) -> None:
    _, _, warehouse = worlds
    rows = warehouse.rows(
        "select valid_from, valid_to, city, customer_segment, loyalty_tier"
        " from gold.dim_customers_history where customer_id = 'c1' order by 1"
    )
    assert rows == [
        (date(1900, 1, 1), date(2026, 1, 5), "Rome", "Basic", None),
        (date(2026, 1, 5), date(2026, 1, 7), "Oslo", None, None),
        (date(2026, 1, 7), date(2026, 1, 15), "Oslo", None, "Silver"),
        (date(2026, 1, 15), None, "Bonn", None, "Gold"),
    ]
    rows = warehouse.rows("select valid_from, valid_to, price from gold.dim_products_history")
    assert sorted(rows) == [
        (date(1900, 1, 1), date(2026, 1, 15), D("10.00")),
        (date(2026, 1, 15), None, D("12.00")),
    ]


@pytest.mark.parametrize(
    ("landed", "expected"),
    [
        # a day that lay in the future when its undated file was loaded is no as-of day
        ([(None, "2026-01-30 10:00:00"), (None, "2099-01-01 00:00:00")], date(2026, 1, 30)),
        # the file's date counts, even if its orders are older
        ([("2026-01-20", "2026-01-18 10:00:00")], date(2026, 1, 20)),
        # a file dated after the day it was loaded says nothing about today
        ([("2026-01-20", "2026-01-18 10:00:00"), ("2099-01-01", None)], date(2026, 1, 20)),
    ],
)
def test_the_default_day(
    tmp_path: Path, landed: list[tuple[str | None, str | None]], expected: date
) -> None:
    warehouse = Warehouse(tmp_path)
    warehouse.create_bronze()
    for number, (known, placed) in enumerate(landed):
        rows = [order(f"t{number}", placed, 1)]
        warehouse.land("transactions", rows, known=known, part=str(number),
                       loaded_at=datetime(2026, 2, 1))  # fmt: skip
    assert warehouse.build("int_data_clock", "stg_file_days") == {}
    assert warehouse.rows("select as_of_date from silver.int_data_clock") == [(expected,)]


def test_no_model_and_no_test_asks_the_clock(manifest: dict[str, Any]) -> None:
    compiled = {
        node["name"]: node["compiled_code"]
        for node in manifest["nodes"].values()
        if node["resource_type"] in {"model", "test"}
    }
    assert len(compiled) > 200
    assert [name for name, sql in compiled.items() if IN_SQL.search(sql)] == []


@pytest.mark.parametrize("sql", ["select current_date", "select NOW()", "where day < getdate ()"])
def test_sql_that_asks_the_clock_is_seen(sql: str) -> None:
    assert IN_SQL.search(sql)
