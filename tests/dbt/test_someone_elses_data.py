"""Only customers, orders, lines, products and contacts, with the flaws that real files have.

Every number here was worked out by hand from the rows below; nothing else is in bronze.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.dbt.warehouse import Warehouse

D = Decimal


def order(  # noqa: PLR0913, PLR0917, one argument for each column
    order_id: str,
    customer: str | None,
    placed: str | None,
    status: str | None,
    subtotal: str | None,
    tax: str,
    discount: str | None,
    total: str | None,
    **more: str,
) -> dict[str, str | None]:
    return {
        "transaction_id": order_id,
        "customer_id": customer,
        "transaction_date": placed,
        "status": status,
        "subtotal": subtotal,
        "tax_amount": tax,
        "discount_amount": discount,
        "total_amount": total,
        "currency": "USD",
        "channel": "online",
        **more,
    }


def line(  # noqa: PLR0913, PLR0917, one argument for each column
    line_id: str,
    order_id: str,
    product: str,
    quantity: int,
    price: str,
    total: str,
    discount: str | None = "0",
) -> dict[str, str | int | None]:
    return {
        "item_id": line_id,
        "transaction_id": order_id,
        "product_id": product,
        "quantity": quantity,
        "unit_price": price,
        "line_total": total,
        "discount_applied": discount,
    }


S1 = {"channel": "store", "store_id": "s1"}
S2 = {"channel": "store", "store_id": "s2"}
ORDERS = [
    order("t1", "c1", "2025-12-01 10:00:00", "Completed", "40", "4", "1", "43", **S1),
    order("t2", " c1 ", "2025-12-11 09:30:00", "completed", "10", "1", "0", "11", **S2),
    order("t3", "c1", "2026-01-10 12:00:00", "REFUNDED", "5", "0.50", "0", "5.50"),
    order("t4", "c1", "2026-01-12 12:00:00", "cancelled", "10", "1", "0", "11"),
    order("t5", None, "2026-01-15 12:00:00", None, "15", "1.50", "0", "16.50"),
    order("t6", "c1", "2026-01-20 12:00:00", "completed", "-10", "-1", "0", "-11"),
    order("t7", "c9", "2026-01-31 08:00:00", "completed", "7.77", "0", "0", "7.77"),
    order("t8", "c2", "2026-01-21 12:00:00", "On hold", "10", "0", "0", "99"),
    order("t9", "c2", "2026-01-22 12:00:00", "completed", "3.33", "0.33", "0", "3.66"),
    order("t10", "c2", "2099-01-01 00:00:00", "completed", "1000", "0", "0", "1000"),
    order("t11", " ", "2026-01-15 13:00:00", "completed", "0.10", "0", None, "0.10"),
    order("t12", "c1", None, "completed", "500", "0", "0", "500"),
    order("t13", "c9", "2099-01-02 00:00:00", "completed", None, "1", "0", None),
]
LINES = [
    line("i1", "t1", "p1", 2, "10", "20"),
    line("i2", "t1", "p2", 1, "20", "20", "1"),
    line("i2", "t1", "p2", 1, "20", "20", "1"),  # the same line twice
    line("i3", "t2", "p1", 1, "10", "10", None),
    line("i4", "t3", "p3", 1, "5", "5"),
    line("i5", "t4", "p1", 1, "10", "10"),
    line("i6", "t5", "p3", 3, "5", "15"),
    line("i7", "t6", "p1", -1, "10", "-10"),
    line("i8", "t7", "p9", 1, "7.77", "7.77"),
    line("i9", "t8", "p1", 1, "10", "10"),
    line("i10", "t10", "p1", 100, "10", "1000"),
    line("i11", "t11", "p3", 1, "0.1", "0.10"),
    line("i12", "nowhere", "p1", 5, "10", "50"),
    line("i13", "t12", "p1", 50, "10", "500"),
]
PRODUCTS = [
    {"product_id": "p1", "category": "Toys", "brand": "A", "price": 10, "cost": 4},
    {"product_id": "p2", "category": "Toys", "brand": "B", "price": 20,
     "product_name": "PÃO, CHÂTEAU, Ångström"},
    {"product_id": "p3", "category": "Food", "brand": "C", "price": 5, "cost": "2.50",
     "status": "discontinued", "product_name": "CafÃ©"},
    {"product_id": "p4", "category": "Garden", "brand": "D", "price": 99,
     "product_name": "Caf\ufffd"},
]  # fmt: skip
CUSTOMERS = [
    {"customer_id": "c1", "first_name": "ANN", "email": " Ann@Example.COM ", "state": "ohio",
     "phone": "(555) 123-4567 x12", "country": "U.S."},
    {"customer_id": "c2"},
    {"customer_id": "c3", "first_name": "Ann", "gender": "female", "phone": "0664 1234567",
     "country": "ÖSTERREICH"},
]  # fmt: skip


CONTACTS = [
    {"contact_id": f"k{number}", "campaign_id": "m1", "customer_id": customer, "group": group,
     "sent_at": "2026-01-19 08:00:00"}
    for number, (customer, group) in enumerate([
        ("c1", "Treatment"), ("c2", "control"), ("c3", "Holdout"), ("c9", None),
    ])
]  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("four_tables"))
    warehouse.create_bronze()
    warehouse.land("customers", CUSTOMERS)
    warehouse.land("products", PRODUCTS)
    warehouse.land("transactions", ORDERS)
    warehouse.land("transaction_items", LINES)
    warehouse.land("campaign_contacts", CONTACTS)
    warehouse.land("tracking_events", [{"event_id": str(scan % 5)} for scan in range(7)])
    warehouse.land("arrivals", [{"arrival_id": str(hour % 5)} for hour in range(6)])
    region = {"sales_date": "2026-01-05", "total_revenue": "9", "total_transactions": 1}
    warehouse.land("regional_sales", [region | {"region_id": name} for name in ("ny", "NY")])
    assert warehouse.build() == {}
    return warehouse


def test_the_as_of_day_is_the_last_order_not_later_than_its_file(warehouse: Warehouse) -> None:
    assert warehouse.rows("select as_of_date from silver.int_data_clock") == [(date(2026, 1, 31),)]


def test_no_customer_is_merged_or_lost(warehouse: Warehouse) -> None:
    rows = warehouse.rows("select customer_id, is_inferred from gold.dim_customers order by 1")
    assert rows == [("c1", False), ("c2", False), ("c3", False), ("c9", True)]


def test_names_mails_and_phones_are_written_alike(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select first_name, email, phone, is_phone_valid, state from gold.dim_customers"
        " where customer_id = 'c1'"
    )
    assert rows == [("Ann", "ann@example.com", "15551234567", True, "OH")]


def test_a_country_is_known_by_its_own_name(warehouse: Warehouse) -> None:
    rows = warehouse.rows("select phone from gold.dim_customers where customer_id = 'c3'")
    assert rows == [("436641234567",)]


def test_the_customer_mart(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select customer_id, total_orders, total_spent, avg_order_value, first_order_date,"
        " last_order_date, total_items_purchased, store_id, categories_purchased,"
        " brands_purchased, orders_refunded, amount_refunded, orders_cancelled,"
        " days_since_last_order from gold.mart_customer_360 order by 1"
    )
    assert rows == [
        # t1 43 + t2 11 - t6 11; units 3 + 1 - 1; s1 and s2 once each, s2 later; Food came back
        ("c1", 3, D("43.00"), D("14.333333"), datetime(2025, 12, 1, 10), datetime(2026, 1, 20, 12),
         3, "s2", 1, 2, 1, D("5.50"), 1, 11),
        # the order without lines counts; the one on hold and the one of 2099 do not
        ("c2", 1, D("3.66"), D("3.660000"), datetime(2026, 1, 22, 12), datetime(2026, 1, 22, 12),
         0, None, 0, 0, 0, D("0.00"), 0, 9),
        ("c3", 0, D("0.00"), None, None, None, 0, None, 0, 0, 0, D("0.00"), 0, None),
        ("c9", 1, D("7.77"), D("7.770000"), datetime(2026, 1, 31, 8), datetime(2026, 1, 31, 8),
         1, None, 0, 0, 0, D("0.00"), 0, 0),
    ]  # fmt: skip


def test_genders_are_declared_or_unknown_where_names_are_few(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select customer_gender, customer_gender_source from gold.mart_customer_360 order by"
        " customer_id"
    )
    assert rows == [
        ("unknown", "unknown"), ("unknown", "unknown"), ("F", "declared"), ("unknown", "unknown"),
    ]  # fmt: skip


def test_lifetime_value_counts_orders_not_lines(warehouse: Warehouse) -> None:
    # c1: 20 + 19 + 10 - 10 over three orders (not the mean of four lines); c9: one order;
    # guests and c2, whose order has no lines, have no row
    rows = warehouse.rows("select * from gold.customer_lifetime_value order by 1")
    assert rows == [("c1", 3, D("39.00"), D("13.000000")), ("c9", 1, D("7.77"), D("7.770000"))]


def test_order_frequency_is_null_for_one_order(warehouse: Warehouse) -> None:
    # 1 December to 20 January: 50 days, two intervals
    rows = warehouse.rows("select * from gold.customer_order_frequency order by 1")
    assert rows == [
        ("c1", 3, date(2025, 12, 1), date(2026, 1, 20), 25.0),
        ("c9", 1, date(2026, 1, 31), date(2026, 1, 31), None),
    ]


def test_a_region_written_in_two_ways_has_one_row_a_day(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select region_id, count(*) from silver.stg_regional_sales group by 1"
    ) == [("NY", 1)]


def test_guests_count_in_months(warehouse: Warehouse) -> None:
    # January: t5 15.00, t6 -10.00, t7 7.77, t11 0.10
    rows = warehouse.rows("select * from gold.monthly_revenue_orders order by 1")
    assert rows == [("2025-12", 2, D("49.00")), ("2026-01", 4, D("12.87"))]


def test_sold_items_count_whatever_the_catalogue_says_of_them(warehouse: Warehouse) -> None:
    # Food is discontinued, p9 is in no catalogue; prices: (10 + 20) / 2, 5, none
    rows = warehouse.rows("select * from gold.category_performance order by 1")
    assert rows == [
        ("Food", 4, D("15.10"), D("5.000000")),
        ("Toys", 3, D("39.00"), D("15.000000")),
        ("unknown", 1, D("7.77"), None),
    ]


def test_top_customers(warehouse: Warehouse) -> None:
    rows = warehouse.rows("select * from gold.top_10_customers_by_revenue")
    assert rows == [("c1", 3, D("39.00")), ("c9", 1, D("7.77"))]


def test_products(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select product_id, units, orders, revenue, margin, return_rate, stock_on_hand,"
        " days_of_stock from gold.product_performance order by 1"
    )
    assert rows == [
        # 2 + 1 - 1 units in t1, t2, t6; 20 + 10 - 10 less 2 x 4; one of three came back
        ("p1", 2, 3, D("20.00"), D("12.00"), 0.333333, None, None),
        ("p2", 1, 1, D("19.00"), None, 0.0, None, None),
        # 3 + 1 units; 15.10 less 4 x 2.50; of five sold, the refunded one came back
        ("p3", 4, 2, D("15.10"), D("5.10"), 0.2, None, None),
        ("p4", 0, 0, D("0.00"), None, None, None, None),
        ("p9", 1, 1, D("7.77"), None, 0.0, None, None),
    ]


def test_recency_frequency_and_spend(warehouse: Warehouse) -> None:
    # three customers ordered: places 1, 2, 3 score 1, 3, 5; the two with one order share a score
    rows = warehouse.rows("select * from gold.customer_rfm order by 1")
    assert rows == [
        ("c1", 11, 3, D("39.00"), 1, 5, 5, "Cannot Lose Them"),
        ("c2", 9, 1, D("3.33"), 3, 2, 1, "Need Attention"),
        ("c3", None, 0, D("0.00"), None, None, None, "No purchase yet"),
        ("c9", 0, 1, D("7.77"), 5, 2, 3, "New and Promising"),
    ]


def test_reconciliation_bridges_what_was_spent_and_what_was_sold(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "select compared, differing, largest_difference from gold.reconciliation"
        " where check_name = 'total spent vs total revenue and its bridge'"
    )
    assert rows == [(4, 0, D("0.00"))]


def test_left_out_rows_are_listed(warehouse: Warehouse) -> None:
    failures = "test_failures."
    assert warehouse.rows(f"select * from {failures}order_statuses_are_mapped") == [
        ("On hold", 1, D("99.00"))
    ]
    gaps = warehouse.rows(f"select gap, rows_affected from {failures}essential_cells_are_filled")
    assert sorted(gaps) == [
        ("order without a date", 1),
        ("order without a subtotal or a total", 1),
        ("order without a total", 1),
    ]
    future = warehouse.rows(
        f"select table_name, events from {failures}events_are_not_in_the_future"
    )
    assert future == [("fct_orders", 2)]
    undeclared = warehouse.rows(f"select * from {failures}ids_are_declared")  # no store is declared
    assert sorted(undeclared) == [("dim_customers", 1, 4, "c9"), ("dim_products", 1, 5, "p9")]
    repeated = warehouse.rows(f"select * from {failures}keys_tell_rows_apart")
    assert repeated == [("tracking_events", "tracking_events.csv", None, 7, 5)]
    unreadable = warehouse.rows(f"select * from {failures}texts_are_readable")
    assert unreadable == [("products.csv", 2, 3)]
    groups = warehouse.rows(
        f"select contact_group, contacts from {failures}campaign_groups_are_known"
    )
    assert sorted(groups, key=repr) == [("holdout", 1), (None, 1)]


def test_a_missing_file_a_mistyped_year_and_an_anonymous_id_are_reported(tmp_path: Path) -> None:
    """There are twenty orders a day for five weeks, all by CASH: the till's word for nobody."""
    warehouse = Warehouse(tmp_path)
    warehouse.create_bronze()
    slip = order("t0", "CASH", "1970-01-01 00:00:00", None, "9", "0", "0", "9")
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(36)]
    short = days[-3]
    rest = [
        slip | {"transaction_id": f"{day}-{number}", "transaction_date": f"{day} 09:00"}
        for day in days
        for number in range(4 if day == short else 20)
    ]
    warehouse.land("transactions", [slip, *rest], loaded_at=datetime(2026, 2, 6))
    tests = (
        "recent_days_are_complete",
        "orders_begin_with_the_history",
        "customers_are_people",
    )
    assert warehouse.build(*(f"+{test}" for test in tests)) == {}
    found = {test: warehouse.rows(f"select * from test_failures.{test}") for test in tests}
    assert found == {
        "recent_days_are_complete": [("crm", short, 4, 20)],
        "orders_begin_with_the_history": [(date(1970, 1, 1), 1, days[0])],
        "customers_are_people": [("CASH", "CASH", 705, 37)],
    }


def test_ids_that_start_over_are_reported(tmp_path: Path) -> None:
    """The second year's file uses ids again, so its orders and lines replace earlier ones."""
    warehouse = Warehouse(tmp_path)
    warehouse.create_bronze()

    def land(part: str, months: dict[int, str], *, first_line: int) -> None:
        orders = [
            order(f"t{first + n}", "c1", f"{month}-{n + 1:02} 09:00", None, "9", "0", "0", "9")
            for first, month in months.items()
            for n in range(20)
        ]
        lines = [
            line(f"i{number}", str(each["transaction_id"]), "p1", 1, "9", "9")
            for number, each in enumerate(orders, start=first_line)
        ]
        warehouse.land("transactions", orders, part=part)
        warehouse.land("transaction_items", lines, part=part)

    land("2024", {0: "2024-01", 20: "2024-02"}, first_line=0)
    land("2025", {0: "2025-01"}, first_line=20)
    tests = ("keys_tell_rows_apart", "every_month_has_its_lines")
    assert warehouse.build(*(f"+{test}" for test in tests)) == {}
    again, without_lines = (warehouse.rows(f"select * from test_failures.{test}") for test in tests)
    assert again == [("transactions", "transactions_2024.csv", date(2024, 1, 1), 20, 0)]
    assert without_lines == [(date(2024, 2, 1), 20, 20)]


def test_contacts_of_an_unknown_group_are_not_in_both_groups(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "select campaign_id, contacts, control_contacts, in_both_groups"
        " from gold.marketing_effectiveness"
    ) == [("m1", 1, 1, 0)]


def test_tables_of_other_sources_are_there_and_empty(warehouse: Warehouse) -> None:
    for table in ("fct_shipments", "fct_sessions", "issue_resolution", "supplier_performance"):
        assert warehouse.rows(f"select count(*) from gold.{table}") == [(0,)]
    assert warehouse.rows("select customers, orders, order_lines from gold.publication") == [
        (4, 13, 13)
    ]


def test_every_unit_test_of_the_models_passes(warehouse: Warehouse) -> None:
    """The unit tests are in the models' yml. Production builds leave them out; here they run."""
    result = warehouse.dbt("test", "--select", "test_type:unit")
    assert {each.node.name: each.message for each in result.result if each.status != "pass"} == {}
    assert len(result.result) > 20
