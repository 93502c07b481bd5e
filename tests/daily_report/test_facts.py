"""The facts that SQL gathers for a report are right, checked on handmade rows."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from c360_dagster.daily_report.facts import (
    DAY,
    Difference,
    Facts,
    Leaving,
    Part,
    Persona,
    Sales,
)
from c360_dagster.daily_report.gather import gather
from c360_dagster.daily_report.page import write_page
from tests.dashboard.small_snapshot import AS_OF

MOVES = """
    create or replace table gold.segment_migrations as
    select * from (values
        ('2026-05', 'C1', 'Occasional Premiums', 'Engaged Regulars'),
        ('2026-05', 'C2', 'Occasional Premiums', 'Occasional Premiums'),
        ('2026-05', 'C4', 'Premium but At-Risk', 'Engaged Regulars'),
        ('2026-05', 'C5', 'Premium but At-Risk', 'Engaged Regulars'),
        ('2026-05', 'C6', null, 'Engaged Regulars'),
        ('2026-04', 'C3', null, 'No purchase yet')
    ) as moves (month, customer_id, persona_before, persona_after)
"""


def test_a_day_is_its_completed_orders(facts: Facts) -> None:
    assert facts.sold(AS_OF) == Sales(Decimal(180), 3, 1)  # a guest is no customer
    assert (facts.sold(AS_OF) or Sales()).order_value == 60
    assert facts.sold(AS_OF - DAY * 7) == Sales(Decimal(60), 1, 1)
    assert facts.sold(AS_OF - DAY * 364) == Sales(Decimal(120), 1, 1)
    assert facts.sold(AS_OF - DAY * 2) == Sales()
    assert facts.sold(date(2025, 1, 1)) is None  # before the data
    assert facts.sold(AS_OF - DAY * 459) == Sales(Decimal(11), 1, 1)
    assert (facts.joined, facts.first_buyers) == (1, 1)


def test_channels_and_regions_add_up_to_the_day_and_the_week(facts: Facts) -> None:
    assert facts.channels == (
        Part("store", Decimal(130), Decimal(230), Decimal(0), Decimal(188)),
        Part("online", Decimal(50), Decimal(50), Decimal(65), Decimal(0)),
    )
    # C1 lives in CA, the guest bought in a store in TX, C2 lives in NY
    assert {part.name: part.day for part in facts.regions} == {"CA": 150, "TX": 30, "NY": 0}


def test_personas_have_their_revenue_of_ninety_days(facts: Facts) -> None:
    assert facts.personas == (
        Persona("Engaged Regulars", 1, Decimal(300), 0.3),
        Persona("Premium but At-Risk", 1, Decimal(119), 0.8),
        Persona("No purchase yet", 1, Decimal(0), 1),
    )


def test_customers_with_most_value_at_risk_come_first(facts: Facts) -> None:
    """C1 (400 at a risk of 0.3) comes before C2 (100 at 0.8); C3 is expected to spend nothing."""
    assert facts.value_at_risk == 200
    assert facts.leaving == (
        Leaving("C1", "Engaged Regulars", Decimal(400), 0.3, 1, 0, 0),
        Leaving("C2", "Premium but At-Risk", Decimal(100), 0.8, 60, 0, 0),
    )


def test_service_and_health_are_counted(facts: Facts) -> None:
    service, health = facts.service, facts.health
    assert (service.due, service.due_late, service.overdue) == (3, 2, 3)
    assert (service.due_before, service.due_late_before) == (2, 1)
    assert (service.tickets_open, service.tickets_urgent) == (2, 1)
    assert (service.tickets_opened, service.tickets_resolved) == (2, 1)
    assert service.oldest_open == date(2026, 6, 10)
    assert (health.rows_loaded, health.rows_rejected, health.cells_unreadable) == (107, 5, 5)
    assert health.refused == ("b.csv: <b>no</b> header",)  # gone.csv is no longer in landing
    assert health.checks == ("Every id is known: 2 findings.", "lifts are found: Half of them.")
    assert health.differences == (
        Difference("lines vs orders", 2, 1, Decimal(5)),
        Difference("order total vs its parts", 8, 2, None),
    )


def test_moves_between_personas_are_shown_if_their_history_is_kept(
    home: Path, facts: Facts, tmp_path: Path
) -> None:
    assert facts.moved_in is None
    assert "largest moves" not in write_page(facts, None)
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes((home / "warehouse.duckdb").read_bytes())
    with duckdb.connect(str(copy)) as con:
        con.execute(MOVES)
        moved = gather(con, {}, ())
    assert moved.moved_in == "2026-05"
    assert [(each.before, each.customers) for each in moved.moves] == [
        ("Premium but At-Risk", 2),
        ("Occasional Premiums", 1),
        ("unknown", 1),
    ]
    page = write_page(moved, None)
    assert "The largest moves in May 2026" in page
    assert "Occasional Premiums → Engaged Regulars: 1" in page
