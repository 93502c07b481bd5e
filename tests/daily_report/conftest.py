"""A warehouse of a few handmade rows, and the facts that a report gathers from it."""

from pathlib import Path

import duckdb
import pytest

from c360_dagster.daily_report.facts import Facts
from c360_dagster.daily_report.gather import gather
from c360_dagster.loading.schema import create_bronze
from tests.dashboard.small_snapshot import order, rows, write_snapshot

TODAY = [
    order("T1", "C1", "2026-06-30", "store", 100),
    order("T2", "C1", "2026-06-30", "online", 50),
    order("T3", None, "2026-06-30", "store", 30),
    order("T4", "C2", "2026-06-23", "online", 60),  # the Tuesday before
    order("T5", "C2", "2025-07-01", "store", 120),  # the Tuesday of last year
    order("T6", "C2", "2026-06-30", "online", 999, is_counted=False, order_status="cancelled"),
]
EDGES = [
    order("E1", "C2", "2026-06-17", "online", 5),  # the first day of the week before
    order("E2", "C2", "2026-06-16", "online", 7),  # the day before it, which is outside
    order("E3", "C2", "2025-06-25", "store", 8),  # the same two days for last year's week
    order("E4", "C2", "2025-06-24", "store", 9),
    order("E5", "C2", "2026-04-02", "store", 17),  # the same for the last ninety days
    order("E6", "C2", "2026-04-01", "store", 13),
    order("E7", "C2", "2025-03-28", "store", 11),  # the first day that last year's mean needs
]
PARCELS = [
    ("arrived in time", "2026-06-24", "delivered", False),
    ("under way", "2026-06-29", "in_transit", True),
    ("due today", "2026-06-30", "in_transit", False),  # may still arrive today, so it is not late
    ("lost", "2026-06-25", "lost", True),
    ("returned", "2026-06-28", "returned", None),
    ("in time before", "2026-06-23", "delivered", False),
    ("late before", "2026-06-17", "delivered", True),
    ("of no status", "2026-06-16", None, True),
    ("two months late", "2026-05-01", "delayed", True),
    ("later than that", "2026-04-30", "delayed", True),
    ("sent after the day", "2026-06-28", "in_transit", True),
]
TICKETS = [
    ("K2", "high", True, "2026-06-30 10:00:00", None),
    ("K3", "low", True, "2026-06-10 10:00:00", None),
    ("K4", "urgent", False, "2026-06-30 11:00:00", "2026-06-30 12:00:00"),
    ("K5", "urgent", False, "2026-06-29 11:00:00", "2026-06-29 12:00:00"),
]


def write_warehouse(path: Path) -> None:
    given = rows()
    given["fct_orders"] = given["fct_orders"] + TODAY + EDGES
    given["fct_shipments"] = [
        {
            "shipment_id": name,
            "estimated_delivery_date": due,
            "delivery_status": status,
            "is_delivered": status == "delivered",
            "is_late": is_late,
            "is_after_as_of": name == "sent after the day",
        }
        for name, due, status, is_late in PARCELS
    ]
    given["fct_support_tickets"] += [
        {
            "ticket_id": name,
            "priority": priority,
            "is_open": is_open,
            "is_after_as_of": False,
            "created_at": created,
            "resolved_at": resolved,
        }
        for name, priority, is_open, created, resolved in TICKETS
    ]
    for table, name, days in (
        ("dim_customers", "registered_at", ("2026-06-30 23:00", *["2026-06-29 23:00"] * 2)),
        ("mart_customer_360", "first_order_date", ("2026-06-30", *["2025-01-02"] * 2)),
    ):
        for row, day in zip(given[table], days, strict=True):
            row[name] = day
    given["mart_customer_360"][0] |= {"churn_risk": 0.3, "late_deliveries": None}
    given["reconciliation"] += [
        {"check_name": "lines vs orders", "compared": 2, "differing": 1, "largest_difference": 5},
        {"check_name": "prices", "compared": 9, "differing": 0},
    ]
    write_snapshot(path.parent / "made", given)
    (path.parent / "made" / "c360.duckdb").replace(path)
    with duckdb.connect(str(path)) as con:
        create_bronze(con, [])
        con.execute(
            "insert into bronze.load_log (path, status, message, rows_loaded, rows_rejected, "
            "cells_unreadable) values ('a.csv', 'loaded', null, 97, 3, 1), "
            "('c.csv', 'loaded', null, 10, 2, 4), "
            "('b.csv', 'refused', 'b.csv: <b>no</b> header', 0, 0, 0), "
            "('gone.csv', 'refused', 'gone.csv: no header', 0, 0, 0)"
        )
        con.execute("create schema test_failures")
        con.execute("create table test_failures.ids_are_known as select 1 as id from range(2)")
        con.execute("create table test_failures.nothing_wrong (id integer)")
        con.execute("create schema science")
        con.execute(
            "create table science.campaign_evaluation as select 'lifts_are_found' as check_name, "
            "false as is_passed, 'Half of them.' as said, 'share' as measure, 0.5 as value"
        )


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    write_warehouse(home / "warehouse.duckdb")
    return home


@pytest.fixture(scope="session")
def facts(home: Path) -> Facts:
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        checks = {"ids_are_known": "Every id is known."}
        return gather(con, checks, {"b.csv"})
