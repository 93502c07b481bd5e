"""Search finds customers by whatever is known of them; their page shows what happened."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from c360_dashboard.queries import customer
from c360_dashboard.snapshot import Reader
from tests.dashboard.queries.chosen import pairs
from tests.dashboard.small_snapshot import move, open_snapshot, rows


@pytest.mark.parametrize(
    ("text", "expected", "found_by"),
    [
        ("c1", "C1", "customer id"),
        ("0042", "C1", "workbooks id"),
        ("C9", "C2", "earlier id"),
        ("c8", "C2", "earlier id"),
        ("ANA.berg@example.com", "C1", "e-mail"),
        ("Old.Ana@example.com", "C1", "another e-mail"),
        ("0170 5550102", "C1", "another phone"),
        ("berg ana", "C1", "name"),
        ("Berg, Ana", "C1", "name"),
        ("+49 1555 0101", "C1", "phone"),
        ("100%_s", "C3", "name"),
        ("o’hara", "C3", "name"),
    ],
)
def test_search_finds_by_whatever_is_known(
    reader: Reader, text: str, expected: str, found_by: str
) -> None:
    found = customer.search(reader, text)
    assert found.select("customer_id", "found_by").rows()[0] == (expected, found_by)


@pytest.mark.parametrize("text", ["%", "_", "' or 1=1 --", "\\", "$x", "C1'; drop table x; --"])
def test_search_takes_no_text_for_a_pattern_or_for_sql(reader: Reader, text: str) -> None:
    """Such characters are found where a name contains them; they have no other meaning."""
    expected = {"%": {"C3"}, "_": {"C3"}, "$x": {"C2"}}.get(text, set())
    assert set(customer.search(reader, text)["customer_id"]) == expected


def test_an_old_id_leads_to_the_id_of_today(reader: Reader) -> None:
    assert customer.find_current_id(reader, "C9") == "C2"
    assert customer.find_current_id(reader, "C1") == "C1"
    assert customer.find_current_id(reader, "C7") is None


@pytest.fixture
def with_splits(tmp_path: Path) -> Iterator[Reader]:
    """C1 was merged into C2 and split again; C7 was part of C1 for a while, then went to C3."""
    given = rows()
    given["customer_merges"] += [
        move("2026-06-02", "merge", "C1", "C2"),
        move("2026-06-03", "split", "C2", "C1"),
        move("2026-06-02", "merge", "C7", "C1"),
        move("2026-06-03", "split", "C1", "C7"),
        move("2026-06-04", "merge", "C7", "C3"),
    ]
    with open_snapshot(tmp_path, given, shows_personal_data=False) as opened:
        yield opened


def test_an_id_that_a_split_gave_back_is_its_own_again(with_splits: Reader) -> None:
    assert customer.find_current_id(with_splits, "C1") == "C1"
    found = customer.search(with_splits, "c1").select("customer_id", "found_by")
    assert found.rows() == [("C1", "customer id")]


def test_an_id_that_was_merged_twice_leads_to_the_last_one(with_splits: Reader) -> None:
    assert customer.find_current_id(with_splits, "C7") == "C3"
    assert customer.find_current_id(with_splits, "C9") == "C2"


def test_a_customers_page_holds_what_happened(reader: Reader) -> None:
    found = customer.load(reader, "C1")
    assert found.timeline.select("kind", "reference").rows() == [
        ("Order", "O1"),
        ("Session", None),
        ("Campaign", "N1"),
        ("Campaign", "N2"),
        ("Ticket", "K1"),
        ("Delivery", "S1"),
        ("Order", "O2"),
        ("Order", "O4"),
    ]
    assert found.timeline["what"][1] == "app · 2 visits · 6 pages · 4 minutes"
    assert found.timeline["what"][2:4].to_list() == [
        "Summer · email · opened",
        "CMP1 · nothing sent: control group",
    ]
    assert found.records["source_id"].to_list() == ["C1", "0042"]
    assert found.suggestions["product_name"].to_list() == ["Lamp"]
    spent = pairs(found.spending, "month", "spent")
    assert (len(spent), spent[date(2025, 6, 1)], spent[date(2026, 6, 1)]) == (13, 60, 150)
    assert spent[date(2025, 7, 1)] == 0


def test_many_events_of_one_kind_push_no_others_off_the_timeline(tmp_path: Path) -> None:
    """Customers who come every day are worth most, and their orders must stay visible."""
    many = rows()
    (ticket,) = many["fct_support_tickets"]
    latest = {"created_at": datetime(2026, 6, 30, 9)}
    many["fct_support_tickets"] = [
        ticket | latest | {"ticket_id": f"K{number:03}"}
        for number in range(customer.MAX_EVENTS + 1)
    ]
    with open_snapshot(tmp_path, many) as opened:
        kinds = customer.load(opened, "C1").timeline["kind"]
    assert (kinds == "Ticket").sum() == customer.MAX_EVENTS
    assert {"Order", "Delivery", "Session"} <= set(kinds)


def test_events_after_the_as_of_day_are_not_on_the_timeline(reader: Reader) -> None:
    assert "O7" not in customer.load(reader, "C2").timeline["reference"].to_list()
