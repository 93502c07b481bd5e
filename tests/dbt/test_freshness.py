"""Sources of daily events have a freshness, and a mistyped year does not make them look fresh."""

from datetime import datetime
from pathlib import Path
from typing import Any

from tests.dbt.warehouse import Warehouse

# these have no rhythm (people register and consent when they like), so no silence is too long
IRREGULAR = {
    "customers", "consents", "campaigns", "campaign_contacts", "customer_master", "rates",
}  # fmt: skip


def test_every_source_of_daily_events_has_a_freshness(manifest: dict[str, Any]) -> None:
    sources = {source["name"]: source for source in manifest["sources"].values()}
    timed = {name for name, each in sources.items() if "event_time" in each["config"]["meta"]}
    watched = {name for name, each in sources.items() if each["loaded_at_query"]}
    assert watched == timed - IRREGULAR
    for name in watched:
        event = sources[name]["config"]["meta"]["event_time"]
        assert sources[name]["loaded_at_query"] == (
            f"select cast(max({event}) as timestamp) from bronze.{name} where {event} <= _loaded_at"
        )
        assert sources[name]["freshness"]["warn_after"]["period"] == "day", name


def test_freshness_ignores_events_later_than_their_load(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    warehouse.create_bronze()
    placed = ["2026-01-30 10:00:00", "2099-01-01 00:00:00"]
    warehouse.land("transactions", [{"transaction_id": day, "transaction_date": day}
                                    for day in placed])  # fmt: skip
    warehouse.land("shipments", [{"shipment_id": "h1", "ship_date": "2026-01-29"}])
    told = warehouse.dbt("source", "freshness")
    assert told.success, "what is late is said, not refused"
    latest = {each.node.name: each.max_loaded_at.replace(tzinfo=None) for each in told.result}
    assert latest["transactions"] == datetime(2026, 1, 30, 10)
    assert latest["shipments"] == datetime(2026, 1, 29)
