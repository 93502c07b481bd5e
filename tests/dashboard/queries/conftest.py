"""The small snapshot with more rows, for tests that need several of a kind."""

from collections.abc import Iterator

import pytest

from c360_dashboard.snapshot import Reader
from tests.dashboard.small_snapshot import open_snapshot, order, rows


@pytest.fixture(scope="session")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """The small snapshot with a second store, guests' parcels and tickets, two more customers."""
    more = rows()
    more["dim_stores"].append({"store_id": "ST2", "store_name": "Mall Store", "store_state": "NY"})
    (mall, *_) = more["arrivals_summary"]
    more["arrivals_summary"] += [
        mall | {"location_id": "ST2", "orders": 6},
        mall | {"location_id": "ST2", "arrivals": 80, "orders": 3, "date": "2026-06-16"},
    ]
    (parcel, *_), (ticket,) = more["fct_shipments"], more["fct_support_tickets"]
    for name, day, status, is_late in (
        ("S3", "2026-06-20", "lost", True),
        ("S4", "2026-06-27", "returned", None),
        ("S5", "2026-06-30", "in_transit", False),
    ):
        more["fct_shipments"].append(
            parcel
            | {"shipment_id": name, "customer_id": None, "carrier": "Slowpost", "ship_date": day}
            | {"delivery_status": status, "is_delivered": False, "is_late": is_late}
        )
    asked = {"customer_id": None, "category": None, "channel": "chat", "is_open": True}
    more["fct_support_tickets"] += [ticket | asked | {"ticket_id": name} for name in ("K2", "K3")]
    for name, persona, spent, days in (
        ("C4", "Engaged Regulars", 69, ("2025-03-01", "2025-12-30")),
        ("C5", "Premium but At-Risk", 23, ("2025-06-01",)),
    ):
        more["dim_customers"].append({"customer_id": name, "state": "TX"})
        more["mart_customer_360"].append(
            {"customer_id": name, "persona": persona, "total_orders": 1, "total_spent": spent}
        )
        more["fct_orders"] += [order(f"{name} {day}", name, day, "store", 1) for day in days]
    more["behaviour_overview"] = [
        {"cluster_id": 3, "persona": "Premium but At-Risk"},
        {"cluster_id": 2, "persona": "Transitional Shoppers"},
        {"cluster_id": 1, "persona": "Engaged Regulars"},
    ]
    more["product_affinity"] += [
        {"cluster_id": 1, "category": "Home", "lift": 1.2},
        {"cluster_id": 1, "category": "Toys", "lift": 2.0},
    ]
    folder = tmp_path_factory.mktemp("busy")
    with open_snapshot(folder, more) as opened:
        yield opened
