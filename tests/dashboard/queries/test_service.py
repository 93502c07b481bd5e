"""Parcels, tickets and visitors."""

from datetime import date
from pathlib import Path

import pytest

from c360_dashboard import layout
from c360_dashboard.filters import Filters, Span
from c360_dashboard.page import Page
from c360_dashboard.queries import choices, service
from c360_dashboard.snapshot import Reader, ask, find_snapshot, read_publication
from c360_dashboard.views.service import draw
from tests.dashboard.queries.chosen import chosen, pairs
from tests.dashboard.small_snapshot import AS_OF, open_snapshot, rows, write_snapshot


def test_parcels_and_tickets_of_the_period(reader: Reader) -> None:
    found = service.load(reader, chosen())
    assert found.parcels["on_time_rate"] == 0.5
    assert found.parcels["delivery_days"] == 5.5
    assert (found.tickets["tickets"], found.tickets["satisfaction"]) == (1, 4)
    late = service.load(reader, chosen(regions=("NY",)))
    assert (late.parcels["parcels"], late.parcels["on_time_rate"]) == (1, 0)
    assert late.tickets["satisfaction"] is None


def test_parcels_are_counted_in_whole_weeks_back_from_the_as_of_day(reader: Reader) -> None:
    """S1 was sent on the last day of its week; S2's week began on April 29."""
    found = service.load(reader, chosen()).on_time
    assert pairs(found, "step", "on_time_rate") == {date(2026, 5, 5): 0, date(2026, 6, 2): 1}
    for first, weeks in ((29, [date(2026, 5, 5), date(2026, 6, 2)]), (30, [date(2026, 6, 2)])):
        since = Filters(Span(date(2026, 4, first), AS_OF, None, None, "month"))
        assert service.load(reader, since).on_time["step"].to_list() == weeks


def test_a_parcel_that_is_not_yet_due_is_neither_on_time_nor_late(tmp_path: Path) -> None:
    """The rule is that of operational_efficiency.

    A week with many parcels under way is not shown. A week with parcels of which nobody will ever
    know whether they were late is shown.
    """
    sent = rows()
    (on_time, late) = sent["fct_shipments"]
    under_way = {"is_delivered": False, "is_late": False, "delivery_status": "in_transit"}
    sent["fct_shipments"] += [
        on_time | under_way | {"shipment_id": "S3", "ship_date": "2026-06-30"},
        on_time | {"shipment_id": "S4", "ship_date": "2026-06-30"},
        late | {"shipment_id": "S5", "is_late": None, "is_delivered": False},
    ]
    with open_snapshot(tmp_path, sent) as opened:
        found = service.load(opened, chosen())
    assert (found.parcels["parcels"], found.parcels["on_time_rate"]) == (5, pytest.approx(2 / 3))
    assert found.on_time["step"].to_list() == [date(2026, 5, 5), date(2026, 6, 2)]


def test_visitors_count_all_channels_whatever_the_filter(reader: Reader) -> None:
    found = service.load(reader, chosen(channels=("store",))).visits
    assert pairs(found, "location", "conversion_rate") == {"Mall Store": 0.05, "online": 0.01}


def test_missing_data_are_not_blamed_on_a_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(layout, "note", said.append)
    bare = rows() | {"fct_shipments": [], "fct_support_tickets": [], "arrivals_summary": []}
    write_snapshot(tmp_path, bare)
    snapshot = find_snapshot(tmp_path, shows_personal_data=False)
    draw(Page(snapshot, read_publication(snapshot), ask(snapshot, choices.load), chosen(), ()))
    assert said == [f"The data hold no {kind}." for kind in ("parcels", "tickets", "visitors")]


def test_two_stores_of_one_name_are_two(busy: Reader) -> None:
    found = service.load(busy, chosen()).visits
    assert found.select("location", "arrivals", "orders", "conversion_rate").rows() == [
        ("Mall Store (ST2)", 120, 9, 0.075),
        ("online", 100, 1, 0.01),
        ("Mall Store (ST1)", 40, 2, 0.05),
    ]


def test_parcels_and_tickets_of_guests_count_and_the_busiest_come_first(busy: Reader) -> None:
    found = service.load(busy, chosen())
    assert (found.parcels["parcels"], found.parcels["lost"], found.parcels["returned"]) == (5, 1, 1)
    assert found.carriers.select("what", "parcels").rows() == [("Slowpost", 3), ("Swiftpost", 2)]
    assert (found.tickets["tickets"], found.tickets["still_open"]) == (3, 2)
    assert found.categories.select("what", "tickets").rows() == [("unknown", 2), ("shipping", 1)]
    assert found.channels.select("what", "tickets").rows() == [("chat", 2), ("email", 1)]


def test_weeks_of_parcels_are_in_order_and_leave_out_undecided_ones(busy: Reader) -> None:
    """The last week is not shown: one of its two parcels is under way, the other was returned."""
    found = service.load(busy, chosen()).on_time
    assert found.select("step", "on_time_rate").rows() == [
        (date(2026, 5, 5), 0),
        (date(2026, 6, 2), 1),
        (date(2026, 6, 23), 0),
    ]
