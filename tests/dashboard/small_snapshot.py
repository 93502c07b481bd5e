"""Three customers and eight orders, made by hand, in tables as dbt's yml describes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from c360_dagster.settings import REPOSITORY
from c360_dashboard.snapshot import Reader, find_snapshot

AS_OF = date(2026, 6, 30)
HOSTILE = "<script>window.hacked=1</script><b>bold</b> **star** $x^2$ :red[r]"
Row = dict[str, Any]


@cache
def gold_models() -> dict[str, dict[str, dict[str, Any]]]:
    """Returns every gold table's columns, as the yml beside its model describes them."""
    models = {}
    for path in sorted((REPOSITORY / "dbt_c360" / "models" / "marts").rglob("*.yml")):
        for model in yaml.safe_load(path.read_text("utf-8")).get("models") or []:
            models[model["name"]] = {column["name"]: column for column in model["columns"]}
    return models


def order(
    order_id: str,
    customer: str | None,
    day: str,
    channel: str,
    net: float,
    **more: Any,  # noqa: ANN401  any column
) -> Row:
    return {
        "order_id": order_id,
        "customer_id": customer,
        "order_date": day,
        "ordered_at": f"{day} 12:00:00",
        "channel": channel,
        "net_amount": net,
        "total_amount": net * 1.1,
        "currency": "EUR",  # the original one; all amounts are converted
        "order_status": "completed",
        "payment_method": "card",
        "lines": 1,
        "is_counted": True,
        "is_after_as_of": False,
        "store_id": "ST1" if channel == "store" else None,
    } | more


def rows() -> dict[str, list[Row]]:
    people = [
        {
            "customer_id": "C1",
            "first_name": "Ana",
            "last_name": "Bérg",
            "email": "ana.berg@example.com",
            "phone": "4915550101",
            "state": "CA",
            "city": "Aville",
            "zip_code": "90101",
            "address_line1": "1 First Street",
            "date_of_birth": "1980-02-03",
            "source_records": 2,
        },
        {
            "customer_id": "C2",
            "first_name": HOSTILE,
            "last_name": "Cole",
            "email": "cole@example.com",
            "state": "NY",
            "city": "Btown",
            "source_records": 1,
        },
        {
            "customer_id": "C3",
            "first_name": "O'Hara",
            "last_name": "100%_Sure",
            "country": "Austria",
            "source_records": 1,
        },
    ]
    orders = [
        order("O1", "C1", "2026-06-29", "store", 100),
        order("O2", "C1", "2026-06-01", "online", 50),
        order("O3", "C2", "2026-05-01", "online", 30),
        order("O4", "C1", "2025-06-30", "store", 60),
        order("O5", None, "2026-06-15", "store", 20),
        order("O6", "C2", "2026-06-10", "online", 999, is_counted=False, order_status="cancelled"),
        order("O7", "C2", "2099-01-01", "online", 999, is_counted=False, is_after_as_of=True),
        order("O8", "C2", "2025-01-02", "online", 40),
    ]
    lines = [
        {
            "line_id": f"{row['order_id']}-1",
            "product_id": "P1" if row["channel"] == "store" else "P2",
            "quantity": 2,
            "total_price": row["net_amount"],
            "margin": row["net_amount"] / 4,
        }
        | {
            name: row[name]
            for name in (
                "order_id",
                "customer_id",
                "channel",
                "store_id",
                "order_date",
                "is_counted",
            )
        }
        for row in orders
    ]
    return {
        "publication": [
            {
                "as_of_date": AS_OF,
                "run_id": "run-one",
                "published_at": datetime(2026, 7, 1, 6),
                "customers": 3,
                "orders": 8,
                "order_lines": 8,
            }
        ],
        "reporting_currency": [{"currency": "USD"}],
        "dim_customers": [
            {"is_inferred": False, "is_after_as_of": False, "source_systems": "crm"} | row
            for row in people
        ],
        "dim_stores": [{"store_id": "ST1", "store_name": "Mall Store", "store_state": "TX"}],
        "dim_products": [
            {"product_id": "P1", "product_name": "Boot", "category": "Footwear", "price": 50},
            {"product_id": "P2", "product_name": "Lamp", "category": "Home", "price": 25},
        ],
        "fct_orders": orders,
        "fct_order_lines": lines,
        "mart_customer_360": [
            _mart("C1", "Engaged Regulars", 3, 231, 400, 0.1, 1),
            _mart("C2", "Premium but At-Risk", 2, 77, 100, 0.8, 60),
            _mart("C3", "No purchase yet", 1, -5.5, 0, 1, 20),  # only a return
        ],
        "customer_identities": [
            _identity("crm", "C1", "C1", "single", None),
            _identity("workbooks", "0042", "C1", "same e-mail", 1.0),
            _identity("crm", "C2", "C2", "single", None),
            _identity("crm", "C3", "C3", "single", None),
        ],
        "customer_merges": [
            move("2026-05-01", "merge", "C9", "C8"),
            move("2026-06-01", "merge", "C8", "C2"),
        ],
        "customer_provenance": [
            _origin("C1", "email", "ana.berg@example.com", "old.ana@example.com (workbooks:0042)"),
            _origin("C1", "phone", "4915550101", "491705550102 (workbooks:0042)"),
            _origin("C1", "state", "CA", None),
        ],
        "clv_proxy": [
            {"customer_id": "C1", "clv_12m": 400, "clv_12m_low": 200, "clv_12m_high": 700},
            {"customer_id": "C2", "clv_12m": 100, "clv_12m_low": 0, "clv_12m_high": 300},
            {"customer_id": "C3", "clv_12m": 0, "clv_12m_low": 0, "clv_12m_high": 0},
        ],
        "fct_shipments": [
            _parcel("S1", "O2", "C1", "2026-06-02", is_late=False, days=2),
            _parcel("S2", "O3", "C2", "2026-05-02", is_late=True, days=9),
        ],
        "fct_support_tickets": [
            {
                "ticket_id": "K1",
                "customer_id": "C1",
                "category": "shipping",
                "channel": "email",
                "priority": "low",
                "status": "closed",
                "satisfaction_score": 4,
                "resolution_hours": 8.0,
                "is_open": False,
                "is_after_as_of": False,
                "created_at": datetime(2026, 6, 5, 9),
            }
        ],
        "arrivals_summary": [
            {"location_id": "ST1", "channel": "store", "arrivals": 40, "orders": 2}
            | {"date": "2026-06-15", "peak_hour": 14},
            {"location_id": "online", "channel": "online", "arrivals": 100, "orders": 1}
            | {"date": "2026-06-01", "peak_hour": 20},
        ],
        "fct_campaign_contacts": [
            _contact("N1", "C1", "treatment", opened_at="2026-06-16 09:00:00"),
            _contact("N2", "C1", "control", campaign_name=None),
            _contact("N3", "C1", "treatment", is_after_as_of=True),
            _contact("N4", "C2", "treatment", campaign_id="CMP3", is_after_as_of=True),
        ],
        "forecast_calibration": [
            {"against": "holdout", "tenth": 1, "customers": 5, "expected": 10.0, "actual": 8.0},
            {"against": "future", "tenth": 1, "customers": 5, "expected": 12.0, "actual": 0.0},
            {"against": "holdout", "tenth": 2, "customers": 5, "expected": 90.0, "actual": 100.0},
        ],
        "fct_sessions": [
            {
                "session_id": f"U{number}",
                "customer_id": "C1",
                "touchpoint": "app",
                "page_views": 3,
                "minutes": 2,
                "is_after_as_of": False,
                "session_date": "2026-06-20",
            }
            for number in (1, 2)
        ],
        "product_preferences": [
            {"customer_id": "C1", "category": "Footwear", "orders": 2, "units": 4, "revenue": 160}
            | {"is_bought": True, "preference_rank": 1}
        ],
        "next_best_products": [{"customer_id": "C1", "rank": 1, "product_id": "P2", "score": 0.9}],
        "reconciliation": [
            {"check_name": "order total vs its parts", "compared": 8, "differing": 2}
        ],
        "revenue_by_cluster": [
            {"cluster_id": 1, "persona": "Engaged Regulars"},
            {"cluster_id": 3, "persona": "Premium but At-Risk"},
        ],
        "product_affinity": [
            {"cluster_id": 1, "category": "Footwear", "lift": 1.5, "rank": 1},
            {"cluster_id": 3, "category": "Home", "lift": 2.5, "rank": 1},
        ],
        "marketing_effectiveness": [
            _campaign("CMP1", 0.1, 0.9, is_running=False),
            _campaign("CMP2", -0.4, 0.3, is_running=False),
        ],
    }


def _mart(  # noqa: PLR0913, PLR0917  a row
    customer: str,
    persona: str,
    orders: int,
    spent: float,
    value: float | None,
    risk: float | None,
    silent: int | None,
) -> Row:
    return {
        "customer_id": customer,
        "persona": persona,
        "rfm_segment": "Loyal" if orders else "No purchase yet",
        "total_orders": orders,
        "total_spent": spent,
        "clv_12m": value,
        "churn_risk": risk,
        "days_since_last_order": silent,
        "marketing_consent": orders > 1 or None,
        "late_deliveries": 0,
        "tickets_open": 0,
        "as_of_date": AS_OF,
    }


def _identity(system: str, source: str, customer: str, rule: str, sure: float | None) -> Row:
    return {"source_system": system, "source_id": source, "customer_id": customer} | {
        "match_rule": rule,
        "match_probability": sure,
    }


def move(day: str, kind: str, old: str, new: str) -> Row:
    return {"found_on": day, "kind": kind, "from_id": old, "to_id": new, "why": "same e-mail"}


def _origin(customer: str, field: str, value: str, losing: str | None) -> Row:
    return {"customer_id": customer, "field": field, "value": value, "losing_values": losing} | {
        "source_system": "crm",
        "source_id": customer,
        "rule": "most_recent",
    }


def _parcel(  # noqa: PLR0913  a row
    shipment: str, order_id: str, customer: str, day: str, *, is_late: bool, days: int
) -> Row:
    return {
        "shipment_id": shipment,
        "order_id": order_id,
        "customer_id": customer,
        "carrier": "Swiftpost",
        "delivery_status": "delivered",
        "ship_date": day,
        "delivery_days": days,
        "is_delivered": True,
        "is_late": is_late,
        "is_after_as_of": False,
    }


def _contact(contact: str, customer: str, group: str, **more: Any) -> Row:  # noqa: ANN401  any column
    return {
        "contact_id": contact,
        "campaign_id": "CMP1",
        "campaign_name": "Summer",
        "channel": "email",
        "customer_id": customer,
        "contact_group": group,
        "is_after_as_of": False,
        "sent_date": "2026-06-15",
    } | more


def _campaign(name: str, low: float, high: float, *, is_running: bool) -> Row:
    return {
        "campaign_id": name,
        "contacts": 100,
        "control_contacts": 50,
        "opens": 40,
        "clicks": 10,
        "lift": (low + high) / 2,
        "lift_low": low,
        "lift_high": high,
        "cost": 100,
        "incremental_revenue": 300,
        "roi": 2,
        "is_running": is_running,
    }


def write_snapshot(published: Path, given: dict[str, list[Row]]) -> None:
    """Publishes as the pipeline does: writes a whole file and then puts it in place."""
    published.mkdir(parents=True, exist_ok=True)
    unfinished = published / "unfinished.duckdb"
    with duckdb.connect(str(unfinished)) as con:
        con.execute("create schema gold")
        for table, columns in gold_models().items():
            described = ", ".join(
                f'"{name}" {column["data_type"]}' for name, column in columns.items()
            )
            con.execute(f"create table gold.{table} ({described})")
            for row in given.get(table, []):
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("?" for _ in row)
                con.execute(
                    f"insert into gold.{table} ({names}) values ({marks})", list(row.values())
                )
    unfinished.replace(published / "c360.duckdb")


@contextmanager
def open_snapshot(
    published: Path, given: dict[str, list[Row]], *, shows_personal_data: bool = True
) -> Iterator[Reader]:
    """Publishes these rows and opens the snapshot as a page does."""
    write_snapshot(published, given)
    with find_snapshot(published, shows_personal_data=shows_personal_data).open() as opened:
        yield opened
