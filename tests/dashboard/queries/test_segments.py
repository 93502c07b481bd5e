"""Personas, and who moves between them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from c360_dashboard.queries import segments
from c360_dashboard.snapshot import Reader, find_snapshot
from tests.dashboard.queries.chosen import chosen, pairs
from tests.dashboard.small_snapshot import open_snapshot, rows


def test_personas_have_their_size_and_share(reader: Reader) -> None:
    found = segments.load(reader, chosen()).personas
    assert pairs(found, "segment", "customers") == dict.fromkeys(found["segment"], 1)
    assert pairs(found, "segment", "spent_share") == pytest.approx(
        {"Engaged Regulars": 0.75, "Premium but At-Risk": 0.25, "No purchase yet": 0.0}
    )
    assert found["segment"].to_list()[-1] == "No purchase yet"


def test_customers_move_between_states(reader: Reader) -> None:
    """Six months ago C1 had been silent for 183 days and C2 for 362: both lapsed, both are back."""
    found = segments.load_moves(reader, chosen(), 6)
    assert set(found.select("state_before", "state_now", "customers").iter_rows()) == {
        ("Lapsed", "Active", 2),
        ("No order yet", "No order yet", 1),
    }


def test_an_order_on_the_first_day_counts_for_the_state_before(busy: Reader) -> None:
    """C4 bought exactly six months ago; C5 last bought half a year before that day."""
    assert segments.load_moves(busy, chosen(), 6).rows() == [
        ("Active", "Lapsed", 1, 1.0),
        ("Lapsed", "Active", 2, pytest.approx(2 / 3)),
        ("Lapsed", "Lapsed", 1, pytest.approx(1 / 3)),
        ("No order yet", "No order yet", 1, 1.0),
    ]


def test_a_persona_likes_what_it_buys_more_of_than_others(tmp_path: Path) -> None:
    liked = rows()
    liked["behaviour_overview"] = [
        {"cluster_id": 1, "persona": "Engaged Regulars"},
        {"cluster_id": 3, "persona": "Premium but At-Risk"},
    ]
    liked["product_affinity"] = [
        {"cluster_id": 1, "category": "Footwear", "lift": 1.5},
        {"cluster_id": 1, "category": "Home", "lift": 0.9},
        {"cluster_id": 3, "category": "Home", "lift": 1},
    ]
    with open_snapshot(tmp_path, liked) as opened:
        found = segments.load(opened, chosen()).habits
    assert found["likes"].to_list() == ["Footwear", None]


def test_a_habit_that_nobody_has_is_unknown(tmp_path: Path) -> None:
    counted = rows()
    counted["behaviour_overview"] = [
        {"cluster_id": 1, "persona": "A", "sessions_per_customer": 0, "tickets_per_customer": 0.2},
        {"cluster_id": 2, "persona": "B", "sessions_per_customer": 0, "tickets_per_customer": 0},
    ]
    with open_snapshot(tmp_path, counted) as opened:
        found = segments.load(opened, chosen()).habits
    names = ("sessions_per_customer", "tickets_per_customer")
    assert found.select(names).rows() == [(None, 0.2), (None, 0)]


def test_personas_are_added_up_and_the_ones_that_spent_most_come_first(busy: Reader) -> None:
    """C1 and C4 spent 300 in 4 orders, C2 and C5 100 in 3; C3 has only a return."""
    found = segments.load(busy, chosen())
    names = ("segment", "customers", "spent", "order_value", "customer_share", "spent_share")
    assert [tuple(row) for row in found.personas.select(names).iter_rows()] == [
        ("Engaged Regulars", 2, 300, 75, 0.4, 0.75),
        ("Premium but At-Risk", 2, 100, pytest.approx(100 / 3), 0.4, 0.25),
        ("No purchase yet", 1, -5.5, None, 0.2, 0),
    ]


def test_personas_like_the_categories_with_the_highest_lift(busy: Reader) -> None:
    found = segments.load(busy, chosen()).habits
    assert found.select("persona", "likes").rows() == [
        ("Engaged Regulars", "Toys, Footwear"),
        ("Transitional Shoppers", None),
        ("Premium but At-Risk", "Home"),
    ]
    narrow = segments.load(busy, chosen(personas=("Transitional Shoppers",))).habits
    assert narrow["persona"].to_list() == ["Transitional Shoppers"]


MIGRATIONS = """
    create or replace table gold.segment_migrations as
    select * from (values
        ('2026-05', 'C2', 'B', 'A', 'loyal', 'loyal'),
        ('2026-06', 'C1', 'A', 'B', 'loyal', 'champions'),
        ('2026-06', 'C2', 'A', 'B', 'loyal', 'loyal'),
        ('2026-06', 'C3', 'A', 'C', 'lost', 'lost'),
        ('2026-06', 'C7', null, 'B', 'lost', 'lost'),
        ('2026-06', 'C9', 'B', 'B', 'lost', 'loyal')
    ) as moves (
        month, customer_id, persona_before, persona_after, rfm_segment_before, rfm_segment_after
    )
"""


@pytest.fixture
def migrated(published: Path, tmp_path: Path) -> Iterator[Reader]:
    """The small snapshot with a history of segments."""
    path = tmp_path / "c360.duckdb"
    path.write_bytes((published / "c360.duckdb").read_bytes())
    with duckdb.connect(str(path)) as con:
        con.execute(MIGRATIONS)
    with find_snapshot(tmp_path, shows_personal_data=False).open() as opened:
        yield opened


@pytest.mark.parametrize(
    ("more", "what", "expected"),
    [
        ({}, "persona", [("A", "B", 2, 2 / 3), ("A", "C", 1, 1 / 3), ("unknown", "B", 1, 1.0)]),
        ({}, "rfm_segment", [("lost", "loyal", 1, 1.0), ("loyal", "champions", 1, 1.0)]),
        ({"regions": ("NY",)}, "persona", [("A", "B", 1, 1.0)]),
        ({"personas": ("C",)}, "persona", [("A", "C", 1, 1.0)]),
    ],
)
def test_changes_of_segment_are_counted_by_month(
    migrated: Reader, more: dict[str, Any], what: str, expected: list[tuple[Any, ...]]
) -> None:
    assert segments.load_months(migrated) == ("2026-06", "2026-05")
    found = segments.load_migrations(migrated, chosen(**more), "2026-06", what)
    assert found.rows() == expected


def test_a_snapshot_without_a_history_knows_no_months(reader: Reader) -> None:
    assert segments.load_months(reader) == ()
    with pytest.raises(ValueError, match="name"):
        segments.load_migrations(reader, chosen(), "2026-06", "name")
