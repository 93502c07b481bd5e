"""Three records are one person: every gold table has this person once, with all they did.

In the workbooks this person has an id that is somebody else's in the CRM. The numbers were worked
out by hand from the rows below.
"""

from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.dbt.warehouse import Warehouse

D = Decimal
AS_OF = "2026-01-31"
PEOPLE = [
    {"customer_id": "c1", "first_name": "Ann", "email": "old@example.com", "state": "OH",
     "phone": "5550100001", "registration_date": "2025-03-01"},
    {"customer_id": "c2", "first_name": "Anne", "email": "ann@example.com", "state": "TX",
     "phone": "bad", "registration_date": "2025-09-01", "gender": "F"},
    {"customer_id": "c3", "first_name": "Bob"},
]  # fmt: skip
ORDER = {"status": "completed", "tax_amount": "0", "discount_amount": "0", "currency": "USD"}
ORDERS = [
    {"transaction_id": "t1", "customer_id": "c1", "transaction_date": "2025-12-01 10:00:00",
     "channel": "store", "store_id": "s1", "subtotal": "10", "total_amount": "10", **ORDER},
    {"transaction_id": "t2", "customer_id": "c2", "transaction_date": "2026-01-10 10:00:00",
     "channel": "store", "store_id": "s2", "subtotal": "20", "total_amount": "20", **ORDER},
    {"transaction_id": "t3", "customer_id": "c3", "transaction_date": "2026-01-11 10:00:00",
     "channel": "online", "subtotal": "5", "total_amount": "5", **ORDER},
]  # fmt: skip
LINES = [
    {"item_id": "i1", "transaction_id": "t1", "product_id": "p1", "quantity": 1,
     "unit_price": "10", "line_total": "10", "discount_applied": "0"},
    {"item_id": "i2", "transaction_id": "t2", "product_id": "p1", "quantity": 2,
     "unit_price": "10", "line_total": "20", "discount_applied": "0"},
    {"item_id": "i3", "transaction_id": "t3", "product_id": "p1", "quantity": 1,
     "unit_price": "5", "line_total": "5", "discount_applied": "0"},
]  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("one_person"))
    warehouse.create_bronze()
    warehouse.land("customers", PEOPLE)
    warehouse.land("customer_master", [{"customer_id": "c3", "email": "ann@example.com"}])
    warehouse.land("products", [{"product_id": "p1", "category": "Toys", "price": 10}])
    warehouse.land("transactions", ORDERS)
    warehouse.land("transaction_items", LINES)
    warehouse.land(
        "workbook_transactions",
        [{"transaction_id": "w1", "customer_id": "c3", "transaction_date": "2026-01-20",
          "amount": "7.50"}],
    )  # fmt: skip
    warehouse.land(
        "loyalty_program",
        [{"customer_id": "c1", "loyalty_tier": "Gold", "tier_start_date": "2025-04-01"},
         {"customer_id": "c2", "loyalty_tier": "Silver", "tier_start_date": "2025-10-01"},
         {"customer_id": "c3", "loyalty_tier": "Bronze", "tier_start_date": "2025-11-01"}],
    )  # fmt: skip
    warehouse.land(
        "consents",
        [{"customer_id": "c1", "purpose": "marketing", "granted": True,
          "updated_at": "2025-04-01 00:00:00"},
         {"customer_id": "c2", "purpose": "marketing", "granted": False,
          "updated_at": "2025-10-01 00:00:00"},
         {"customer_id": "c3", "purpose": "marketing", "granted": True,
          "updated_at": "2025-11-01 00:00:00"}],
    )  # fmt: skip
    warehouse.land("support_tickets", [{"ticket_id": "k1", "customer_id": "c3"}])
    warehouse.land("customer_support", [{"ticket_id": "k1", "customer_id": "c3"}])
    warehouse.land("app_usage", [{"usage_id": "a1", "customer_id": "c3"}])
    warehouse.land("web_interactions", [{"session_id": "a1", "customer_id": "c3"}])
    warehouse.land("campaign_contacts", [{"contact_id": "m1", "customer_id": "c3"}])
    one = {"customer_id": "c1", "match_rule": "same e-mail", "match_probability": 0.99}
    warehouse.resolve(
        "identities",
        [
            {"source_system": "crm", "source_id": "c1", **one},
            {"source_system": "crm", "source_id": "c2", **one},
            {"source_system": "workbooks", "source_id": "c3", **one},
            {"source_system": "crm", "source_id": "c3", "customer_id": "c3",
             "match_rule": "single"},
        ],
    )  # fmt: skip
    warehouse.resolve(
        "golden_records",
        [{"customer_id": "c1", "first_name": "Anne", "email": "ann@example.com", "gender": "F",
          "phone": "15550100001", "state": "TX"},
         {"customer_id": "c3", "first_name": "Bob"}],
    )  # fmt: skip
    warehouse.resolve(
        "merges",
        [{"found_on": date.fromisoformat(AS_OF), "kind": "merge", "from_id": "c2", "to_id": "c1",
          "why": "same e-mail"},
         {"found_on": date(2026, 2, 5), "kind": "split", "from_id": "c1", "to_id": "c2",
          "why": "found later"}],
    )  # fmt: skip
    warehouse.resolve(
        "review",
        [{"left_system": "crm", "left_id": "c3", "right_system": "workbooks", "right_id": "c3",
          "reason": "one id", "suggestion": "two people"}],
    )  # fmt: skip
    assert warehouse.build(as_of=AS_OF, run_id="one") == {}
    return warehouse


def test_the_persons_records_become_one_customer_with_all_orders(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select customer_id, total_orders, total_spent, avg_order_value, first_order_date,"
        " store_id, source_systems, loyalty_tier, marketing_consent, customer_gender"
        " from gold.mart_customer_360 order by customer_id"
    ) == [
        ("c1", 3, D("37.50"), D("12.50"), datetime(2025, 12, 1, 10), "s2", "crm,workbooks",
         "Silver", False, "F"),
        ("c3", 1, D("5.00"), D("5.00"), datetime(2026, 1, 11, 10), None, "crm", "Bronze", True,
         "unknown"),
    ]  # fmt: skip


def test_the_customer_has_the_surviving_values(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select customer_id, first_name, email, phone, is_phone_valid, state, source_records,"
        " registered_at from gold.dim_customers order by customer_id"
    ) == [
        ("c1", "Anne", "ann@example.com", "15550100001", True, "TX", 3, datetime(2025, 3, 1)),
        ("c3", "Bob", None, None, None, None, 1, None),
    ]


@pytest.mark.parametrize(
    ("table", "record", "of_crm", "of_workbooks"),
    [
        ("fct_orders", "order_id", "t3", "wb-w1"),
        ("fct_support_tickets", "ticket_id", "k1", "wb-k1"),
        ("fct_sessions", "session_id", "a1", "wb-a1"),
    ],
)
def test_an_id_is_another_person_in_another_system(
    warehouse: Warehouse, table: str, record: str, of_crm: str, of_workbooks: str
) -> None:
    rows = warehouse.rows(
        f"select {record}, customer_id from gold.{table}"
        f" where {record} in ('{of_crm}', '{of_workbooks}') order by 1"
    )
    assert rows == [(of_crm, "c3"), (of_workbooks, "c1")]


def test_facts_of_the_crm_belong_to_its_own_ids(warehouse: Warehouse) -> None:
    assert warehouse.rows("select customer_id from gold.fct_campaign_contacts") == [("c3",)]
    # t1 and t2; the workbooks' order has no lines
    assert warehouse.rows(
        "select customer_id, total_revenue from gold.customer_lifetime_value order by 1"
    ) == [("c1", D("30.00")), ("c3", D("5.00"))]


def test_a_pair_to_look_at_names_both_customers(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select left_customer_id, right_customer_id from gold.identity_review"
    ) == [("c3", "c1")]


@pytest.mark.parametrize(
    ("table", "count"),
    [
        ("customer_lifetime_value", 2),
        ("customer_order_frequency", 2),
        ("customer_rfm", 2),
        ("customer_profile", 2),
        ("engagement_metrics", 2),
    ],
)
def test_each_customer_table_knows_two_people(warehouse: Warehouse, table: str, count: int) -> None:
    assert warehouse.rows(f"select count(*), count(distinct customer_id) from gold.{table}") == [
        (count, count)
    ]


def test_the_merge_log_leaves_out_future_days(warehouse: Warehouse) -> None:
    assert warehouse.rows("select kind, from_id, to_id from gold.customer_merges") == [
        ("merge", "c2", "c1")
    ]
