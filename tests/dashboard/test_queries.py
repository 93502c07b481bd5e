"""What the pages ask, on three customers and eight orders worked by hand."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from c360_dagster.settings import read_settings
from c360_dashboard import warming
from c360_dashboard.filters import DEFAULT_PERIOD, PERIODS, Filters, Span, read_period
from c360_dashboard.queries import (
    audiences,
    choices,
    customer,
    health,
    marketing,
    overview,
    products,
    segments,
    service,
    value,
)
from c360_dashboard.snapshot import Reader, ask, find_snapshot, read_publication
from tests.dashboard.small_snapshot import AS_OF, move, open_snapshot, order, rows

FIRST = date(2025, 1, 2)


def chosen(period: str = "26w", **more: Any) -> Filters:  # noqa: ANN401  any filter
    return Filters(read_period(period, AS_OF, FIRST), **more)


def pairs(frame: pl.DataFrame, key: str, value: str) -> dict[Any, Any]:
    return dict(frame.select(key, value).iter_rows())


def test_the_filters_offer_what_the_data_hold(reader: Reader) -> None:
    found = choices.load(reader)
    assert found.channels == ("online", "store")
    assert found.regions == ("CA", "NY", "TX")
    assert found.personas == ("Engaged Regulars", "Premium but At-Risk", "No purchase yet")
    assert found.currency == "USD"


def test_sales_count_completed_orders_up_to_the_as_of_day(reader: Reader) -> None:
    """O1 + O2 + O3 + O5 = 200 in these weeks; O4 + O8 = 100 in those a year before."""
    totals = overview.load(reader, chosen()).totals
    assert (totals["revenue"], totals["orders"], totals["customers"]) == (200, 4, 2)
    assert totals["order_value"] == 50
    before = ("revenue_before", "orders_before", "customers_before")
    assert [totals[name] for name in before] == [100, 2, 2]


def test_a_period_has_its_first_and_last_day(reader: Reader) -> None:
    """O3 and O4 are of first days, O1 of a last one; nobody is counted twice for two orders."""
    first, last = date(2026, 5, 1), date(2026, 6, 29)
    year_before = date(2025, 6, 30)
    span = Span(first, last, year_before, year_before, "week")
    totals = overview.load(reader, Filters(span)).totals
    assert (totals["revenue"], totals["orders"], totals["customers"]) == (200, 4, 2)
    assert (totals["revenue_before"], totals["customers_before"]) == (60, 1)
    longer = Span(AS_OF, AS_OF, first, last, "week")
    assert overview.load(reader, Filters(longer)).totals["customers_before"] == 2


def test_what_sells_most_is_first_and_what_sold_only_before_is_not_there(reader: Reader) -> None:
    found = overview.load(reader, chosen())
    assert found.by_channel["channel"].to_list() == ["store", "online"]
    assert found.by_region["region"].to_list() == ["CA", "NY", "TX"]
    span = Span(date(2026, 6, 2), AS_OF, FIRST, date(2025, 6, 30), "week")
    assert overview.load(reader, Filters(span)).by_channel["channel"].to_list() == ["store"]


def test_sales_by_channel_and_region(reader: Reader) -> None:
    found = overview.load(reader, chosen())
    assert pairs(found.by_channel, "channel", "revenue") == {"store": 120, "online": 80}
    assert pairs(found.by_channel, "channel", "revenue_change") == {"store": 1.0, "online": 1.0}
    assert pairs(found.by_region, "region", "revenue") == {"CA": 150, "NY": 30, "TX": 20}
    assert pairs(found.by_region, "region", "revenue_share") == {"CA": 0.75, "NY": 0.15, "TX": 0.1}


def test_a_channel_that_only_gave_back_a_year_before_has_no_per_cents(tmp_path: Path) -> None:
    """O4 and O8 gave money back: to say that sales changed by -300 % would be no help."""
    changed = rows()
    for row in changed["fct_orders"]:
        if row["order_id"] in {"O4", "O8"}:
            row["net_amount"] = -abs(row["net_amount"])
    with open_snapshot(tmp_path, changed) as opened:
        found = overview.load(opened, chosen())
    assert pairs(found.by_channel, "channel", "revenue_change") == {"store": None, "online": None}


@pytest.mark.parametrize(
    ("more", "revenue"),
    [
        ({"channels": ("store",)}, 120),
        ({"channels": ("store", "online")}, 200),
        ({"regions": ("TX",)}, 20),
        ({"personas": ("Premium but At-Risk",)}, 30),
        ({"channels": ("online",), "regions": ("CA",)}, 50),
    ],
)
def test_filters_narrow_sales(reader: Reader, more: dict[str, Any], revenue: float) -> None:
    assert overview.load(reader, chosen(**more)).totals["revenue"] == revenue


def test_a_filter_that_meets_nothing_sums_nothing(reader: Reader) -> None:
    found = overview.load(reader, chosen(channels=("'; drop table fct_orders; --",)))
    assert found.totals["orders"] == 0
    assert reader.row("select count(*) as orders from fct_orders")["orders"] == 8


def test_weeks_end_on_the_as_of_day_and_last_year_stands_on_this_years_days(reader: Reader) -> None:
    """O1 and O4 are 0 and 1 days before their ends; O8 lies 180 days before, in the first week."""
    found = overview.load(reader, chosen()).over_time
    steps = {(row[0], row[1]): row[2] for row in found.iter_rows()}
    assert steps[AS_OF, "this period"] == 100
    assert steps[AS_OF, "a year before"] == 60
    assert steps[AS_OF - timedelta(weeks=25), "a year before"] == 40


def test_weeks_without_orders_are_zeros_back_to_the_first_order(reader: Reader) -> None:
    """The data begin on the second day of the first week a year before."""
    found = overview.load(reader, chosen()).over_time
    weeks = [AS_OF - timedelta(weeks=week) for week in reversed(range(26))]
    for period in ("this period", "a year before"):
        assert found.filter(period=period)["step"].to_list() == weeks
    young = found.filter(period="this period", step=AS_OF - timedelta(weeks=25))
    assert young.select("revenue", "orders").rows() == [(0, 0)]
    longer = Filters(read_period("26w", date(2025, 3, 1), FIRST))
    assert overview.load(reader, longer).over_time["step"].min() == date(2025, 1, 4)


@pytest.mark.parametrize("period", PERIODS)
def test_steps_add_up_to_the_total(reader: Reader, period: str) -> None:
    found = overview.load(reader, chosen(period))
    now = found.over_time.filter(period="this period")
    assert now["revenue"].sum() == found.totals["revenue"]
    assert now["orders"].sum() == found.totals["orders"]


def test_months_are_calendar_months(reader: Reader) -> None:
    found = overview.load(reader, chosen("ytd")).over_time.filter(period="this period")
    assert pairs(found, "step", "revenue") == {
        date(2026, month, 1): {5: 30, 6: 170}.get(month, 0) for month in range(1, 7)
    }


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


def test_an_order_of_the_day_itself_tells_the_state_of_before(busy: Reader) -> None:
    """C4 bought on the day six months ago, and C5 last half a year before it."""
    assert segments.load_moves(busy, chosen(), 6).rows() == [
        ("Active", "Lapsed", 1, 1.0),
        ("Lapsed", "Active", 2, pytest.approx(2 / 3)),
        ("Lapsed", "Lapsed", 1, pytest.approx(1 / 3)),
        ("No order yet", "No order yet", 1, 1.0),
    ]


def test_value_at_risk_is_value_times_risk(reader: Reader) -> None:
    found = value.load(reader, chosen())
    assert found.totals["clv_12m"] == 500
    assert found.totals["value_at_risk"] == pytest.approx(400 * 0.1 + 100 * 0.8)
    assert found.totals["at_risk"] == 1
    assert found.leaving["customer_id"].to_list() == ["C2"]
    assert found.values["customers"].sum() == found.risks["customers"].sum() == 2


def test_who_never_bought_is_nobody_to_lose(reader: Reader) -> None:
    """C3, in gold, is worth 0 and leaves with a chance of 1."""
    found = value.load(reader, chosen())
    assert (found.totals["customers"], found.totals["avg_clv_12m"]) == (2, 250)
    assert pairs(found.risks, "low", "customers") == {0.1: 1, 0.8: 1}
    assert found.bands.select("value_band", "risk_band").rows() == [
        ("High", "Low"),
        ("Low", "High"),
    ]
    assert found.forecasts["persona"].to_list() == ["Engaged Regulars", "Premium but At-Risk"]
    never = value.load(reader, chosen(personas=("No purchase yet",)))
    assert never.totals["customers"] == 0


def test_who_is_expected_to_bring_nothing_is_of_low_value(tmp_path: Path) -> None:
    """However many they are: where two thirds are, the upper third begins at nothing."""
    gone = rows()
    gone["mart_customer_360"] = [
        row | {"clv_12m": 0 if row["total_orders"] else row["clv_12m"]}
        for row in gone["mart_customer_360"]
    ]
    with open_snapshot(tmp_path, gone) as opened:
        found = value.load(opened, chosen()).bands
    assert set(found["value_band"]) == {"Low"}


def test_products_sell_by_line(reader: Reader) -> None:
    found = products.load(reader, chosen())
    assert pairs(found.categories, "category", "revenue") == {"Footwear": 120, "Home": 80}
    assert pairs(found.categories, "category", "margin_rate") == {"Footwear": 0.25, "Home": 0.25}
    assert pairs(found.products, "product_name", "units") == {"Boot": 4, "Lamp": 4}
    narrow = products.load(reader, chosen(personas=("Premium but At-Risk",)))
    assert narrow.affinity["category"].to_list() == ["Home"]


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


def test_a_suppliers_margin_is_of_the_products_whose_cost_is_known(tmp_path: Path) -> None:
    """One that the suppliers' file does not name is shown by its id."""
    supplied = rows() | {
        "supplier_performance": [{"supplier_id": "V1", "revenue": 400, "margin": 50}],
        "product_performance": [
            {"product_id": "P1", "revenue": 100, "margin": 50},
            {"product_id": "P2", "revenue": 300, "margin": None},
        ],
    }
    supplied["dim_products"] = [
        row | {"primary_supplier_id": "V1"} for row in supplied["dim_products"]
    ]
    with open_snapshot(tmp_path, supplied) as opened:
        found = products.load(opened, chosen()).suppliers
    assert found.select("supplier_name", "revenue", "margin_rate").rows() == [("V1", 400, 0.5)]


def test_parcels_and_tickets_of_the_period(reader: Reader) -> None:
    found = service.load(reader, chosen())
    assert found.parcels["on_time_rate"] == 0.5
    assert found.parcels["delivery_days"] == 5.5
    assert (found.tickets["tickets"], found.tickets["satisfaction"]) == (1, 4)
    late = service.load(reader, chosen(regions=("NY",)))
    assert (late.parcels["parcels"], late.parcels["on_time_rate"]) == (1, 0)
    assert late.tickets["satisfaction"] is None


def test_parcels_are_counted_in_whole_weeks_back_from_the_as_of_day(reader: Reader) -> None:
    """S1 was sent on the last day of its week; that of S2 began on April 29."""
    found = service.load(reader, chosen()).on_time
    assert pairs(found, "step", "on_time_rate") == {date(2026, 5, 5): 0, date(2026, 6, 2): 1}
    for first, weeks in ((29, [date(2026, 5, 5), date(2026, 6, 2)]), (30, [date(2026, 6, 2)])):
        since = Filters(Span(date(2026, 4, first), AS_OF, None, None, "month"))
        assert service.load(reader, since).on_time["step"].to_list() == weeks


def test_a_parcel_that_is_not_yet_due_is_neither_on_time_nor_late(tmp_path: Path) -> None:
    """As in operational_efficiency. A week of which many are under way is not shown; one is that
    holds parcels of which nobody will ever know."""
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


def test_visitors_are_of_all_channels_as_the_page_says(reader: Reader) -> None:
    found = service.load(reader, chosen(channels=("store",))).visits
    assert pairs(found, "location", "conversion_rate") == {"Mall Store": 0.05, "online": 0.01}


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """The same with a second store, what guests sent and asked, and two more customers."""
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


def test_two_stores_of_one_name_are_two(busy: Reader) -> None:
    found = service.load(busy, chosen()).visits
    assert found.select("location", "arrivals", "orders", "conversion_rate").rows() == [
        ("Mall Store (ST2)", 120, 9, 0.075),
        ("online", 100, 1, 0.01),
        ("Mall Store (ST1)", 40, 2, 0.05),
    ]


def test_what_guests_sent_and_asked_counts_the_busiest_first(busy: Reader) -> None:
    found = service.load(busy, chosen())
    assert (found.parcels["parcels"], found.parcels["lost"], found.parcels["returned"]) == (5, 1, 1)
    assert found.carriers.select("what", "parcels").rows() == [("Slowpost", 3), ("Swiftpost", 2)]
    assert (found.tickets["tickets"], found.tickets["still_open"]) == (3, 2)
    assert found.categories.select("what", "tickets").rows() == [("unknown", 2), ("shipping", 1)]
    assert found.channels.select("what", "tickets").rows() == [("chat", 2), ("email", 1)]


def test_weeks_of_parcels_come_in_order_and_not_while_their_fate_is_open(busy: Reader) -> None:
    """Of the last week, one parcel in two came back, and nobody knows whether it was late."""
    found = service.load(busy, chosen()).on_time
    assert found.select("step", "on_time_rate").rows() == [
        (date(2026, 5, 5), 0),
        (date(2026, 6, 2), 1),
        (date(2026, 6, 23), 0),
    ]


def test_personas_are_added_up_and_the_ones_that_spent_most_come_first(busy: Reader) -> None:
    """C1 and C4 spent 300 in 4 orders, C2 and C5 100 in 3; C3 has only given back."""
    found = segments.load(busy, chosen())
    names = ("segment", "customers", "spent", "order_value", "customer_share", "spent_share")
    assert [tuple(row) for row in found.personas.select(names).iter_rows()] == [
        ("Engaged Regulars", 2, 300, 75, 0.4, 0.75),
        ("Premium but At-Risk", 2, 100, pytest.approx(100 / 3), 0.4, 0.25),
        ("No purchase yet", 1, -5.5, None, 0.2, 0),
    ]


def test_what_personas_like_is_what_lifts_most(busy: Reader) -> None:
    found = segments.load(busy, chosen()).habits
    assert found.select("persona", "likes").rows() == [
        ("Engaged Regulars", "Toys, Footwear"),
        ("Transitional Shoppers", None),
        ("Premium but At-Risk", "Home"),
    ]
    narrow = segments.load(busy, chosen(personas=("Transitional Shoppers",))).habits
    assert narrow["persona"].to_list() == ["Transitional Shoppers"]


def test_a_campaigns_verdict_is_its_intervals(reader: Reader) -> None:
    found = marketing.load(reader, chosen())
    assert pairs(found.campaigns, "campaign_id", "verdict") == {
        "CMP1": "clear gain",
        "CMP2": "no clear effect",
    }
    assert found.totals["roi"] == 2


def test_a_return_is_of_the_campaigns_whose_effect_and_cost_are_known(tmp_path: Path) -> None:
    """One had no control group, one no budget: 300 for 100 is a return of 2 all the same."""
    sent = rows()
    (campaign, *_) = sent["marketing_effectiveness"]
    sent["marketing_effectiveness"] = [
        campaign,
        campaign | {"campaign_id": "CMP2", "incremental_revenue": None, "lift_low": None},
        campaign | {"campaign_id": "CMP3", "incremental_revenue": 900, "cost": None},
    ]
    with open_snapshot(tmp_path, sent) as opened:
        totals = marketing.load(opened, chosen()).totals
    assert (totals["roi"], totals["cost"], totals["incremental_revenue"]) == (2, 200, 1200)


def test_who_was_never_asked_has_not_agreed(reader: Reader) -> None:
    agreed = {"Engaged Regulars": 1, "Premium but At-Risk": 1, "No purchase yet": 0}
    assert pairs(marketing.load(reader, chosen()).consent, "persona", "consent") == agreed
    assert pairs(segments.load(reader, chosen()).personas, "segment", "consent") == agreed


def test_forecasts_are_shown_beside_what_came(reader: Reader) -> None:
    found = value.load(reader, chosen()).calibration
    assert found.select("against", "tenth", "expected", "actual", "missed").rows() == [
        ("holdout", 1, 10.0, 8.0, 0.25),
        ("holdout", 2, 90.0, 100.0, pytest.approx(-0.1)),
        ("future", 1, 12.0, 0.0, None),  # nobody can be off by a share of nothing
    ]


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
def test_who_changed_segment_is_counted_by_month(
    migrated: Reader, more: dict[str, Any], what: str, expected: list[tuple[Any, ...]]
) -> None:
    assert segments.load_months(migrated) == ("2026-06", "2026-05")
    found = segments.load_migrations(migrated, chosen(**more), "2026-06", what)
    assert found.rows() == expected


def test_a_snapshot_without_a_history_knows_no_months(reader: Reader) -> None:
    assert segments.load_months(reader) == ()
    with pytest.raises(ValueError, match="name"):
        segments.load_migrations(reader, chosen(), "2026-06", "name")


def test_the_first_pages_questions_are_answered_beforehand(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_settings({"C360_HOME": str(published.parent)})
    warming.warm(settings)
    found = find_snapshot(settings.published, shows_personal_data=settings.show_pii)
    monkeypatch.setattr("c360_dashboard.snapshot.Snapshot.open", None)  # nobody may look again
    first = read_publication(found).first_order
    usual = Filters(read_period(DEFAULT_PERIOD, AS_OF, first))
    assert ask(found, overview.load, usual).totals["orders"] == 4
    assert ask(found, choices.load).currency == "USD"


def test_a_server_without_a_snapshot_starts_all_the_same(tmp_path: Path) -> None:
    warming.warm(read_settings({"C360_HOME": str(tmp_path)}))


def test_health_tells_what_was_published(reader: Reader) -> None:
    found = health.load(reader)
    assert (found.published["run_id"], found.published["records"]) == ("run-one", 4)
    assert pairs(found.reconciliation, "check_name", "share") == {"order total vs its parts": 0.25}
    assert pairs(found.gaps, "what", "known")["E-mail"] == 2
    assert pairs(found.future, "table_name", "later")["fct_orders"] == 1


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
    """Where these occur in a name they are found; they stand for nothing else."""
    expected = {"%": {"C3"}, "_": {"C3"}, "$x": {"C2"}}.get(text, set())
    assert set(customer.search(reader, text)["customer_id"]) == expected


def test_an_old_id_leads_to_the_id_of_today(reader: Reader) -> None:
    assert customer.find_today(reader, "C9") == "C2"
    assert customer.find_today(reader, "C1") == "C1"
    assert customer.find_today(reader, "C7") is None


@pytest.fixture
def parted(tmp_path: Path) -> Iterator[Reader]:
    """C1 was merged into C2 and parted again; C7, who was with C1 for a while, went to C3."""
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


def test_an_id_that_a_split_gave_back_is_its_own_again(parted: Reader) -> None:
    assert customer.find_today(parted, "C1") == "C1"
    found = customer.search(parted, "c1").select("customer_id", "found_by")
    assert found.rows() == [("C1", "customer id")]


def test_an_id_that_was_merged_twice_leads_to_the_last_one(parted: Reader) -> None:
    assert customer.find_today(parted, "C7") == "C3"
    assert customer.find_today(parted, "C9") == "C2"


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


def test_without_a_catalogue_products_and_stores_go_by_their_ids(tmp_path: Path) -> None:
    given = rows() | {"dim_products": [{"product_id": "P1"}]}
    for row in given["mart_customer_360"]:
        row["store_id"] = "ST1"
    with open_snapshot(tmp_path, given, shows_personal_data=False) as reader:
        best = products.load(reader, chosen()).products
        found = customer.load(reader, "C1")
    assert sorted(best["product_name"]) == ["P1", "P2"]
    assert found.suggestions["product_name"].to_list() == ["P2"]
    assert found.person["store_name"] == "ST1"


def test_many_events_of_one_kind_push_no_others_off_the_timeline(tmp_path: Path) -> None:
    """Whoever comes every day is worth most, and her orders are what one wants to see."""
    many = rows()
    (ticket,) = many["fct_support_tickets"]
    latest = {"created_at": datetime(2026, 6, 30, 9)}
    many["fct_support_tickets"] = [
        ticket | latest | {"ticket_id": f"K{number:03}"} for number in range(customer.EVENTS + 1)
    ]
    with open_snapshot(tmp_path, many) as opened:
        kinds = customer.load(opened, "C1").timeline["kind"]
    assert (kinds == "Ticket").sum() == customer.EVENTS
    assert {"Order", "Delivery", "Session"} <= set(kinds)


def test_events_after_the_as_of_day_are_not_on_the_timeline(reader: Reader) -> None:
    assert "O7" not in customer.load(reader, "C2").timeline["reference"].to_list()


def test_audiences_are_counted_from_their_manifests(published: Path) -> None:
    """C1, C2 and C3 one day; C3 and C8 the next. A manifest that is damaged is passed over."""
    exports = published.parent / "exports"
    found = audiences.load(exports)
    (newest,) = found.latest.to_dicts()
    assert (newest["audience"], newest["as_of"]) == ("fans", AS_OF)
    assert (newest["members"], newest["entered"], newest["left"]) == (2, 1, 2)
    assert found.sizes["members"].to_list() == [3, 2]
    assert audiences.load(exports / "nowhere").latest.is_empty()
    (exports / "fans" / "2026-06-28.json").write_text("{", "utf-8")
    assert audiences.load(exports).sizes["members"].to_list() == [3, 2]
