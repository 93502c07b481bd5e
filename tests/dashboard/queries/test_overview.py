"""Revenue, orders and customers, by week, channel, region and cause."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from c360_dashboard.filters import PERIODS, Filters, Span, read_period
from c360_dashboard.queries import overview
from c360_dashboard.snapshot import Reader
from c360_dashboard.views.overview import explain_no_orders
from tests.dashboard.queries.chosen import FIRST, chosen, pairs
from tests.dashboard.small_snapshot import AS_OF, Row, open_snapshot, order, rows


def test_sales_count_completed_orders_up_to_the_as_of_day(reader: Reader) -> None:
    """O1 + O2 + O3 + O5 = 200 in these weeks; O4 + O8 = 100 in those a year before."""
    totals = overview.load(reader, chosen()).totals
    assert (totals["revenue"], totals["orders"], totals["customers"]) == (200, 4, 2)
    assert totals["order_value"] == 50
    before = ("revenue_before", "orders_before", "customers_before")
    assert [totals[name] for name in before] == [100, 2, 2]


def test_a_period_has_its_first_and_last_day(reader: Reader) -> None:
    """O3 and O4 lie on first days, O1 on a last one. Two orders do not count a customer twice."""
    first, last = date(2026, 5, 1), date(2026, 6, 29)
    year_before = date(2025, 6, 30)
    span = Span(first, last, year_before, year_before, "week")
    totals = overview.load(reader, Filters(span)).totals
    assert (totals["revenue"], totals["orders"], totals["customers"]) == (200, 4, 2)
    assert (totals["revenue_before"], totals["customers_before"]) == (60, 1)
    longer = Span(AS_OF, AS_OF, first, last, "week")
    assert overview.load(reader, Filters(longer)).totals["customers_before"] == 2


def test_addresses_without_a_state_use_the_country_as_region(tmp_path: Path) -> None:
    """C3 lives in Austria, but what they buy in a store counts for the store's state."""
    given = rows()
    given["fct_orders"] += [
        order("A1", "C3", "2026-06-29", "online", 10),
        order("A2", "C3", "2026-06-29", "store", 1),
    ]
    with open_snapshot(tmp_path, given) as reader:
        by_region = overview.load(reader, chosen()).by_region
        assert pairs(by_region, "region", "revenue") == {
            "CA": 150,
            "NY": 30,
            "TX": 21,
            "Austria": 10,
        }
        assert overview.load(reader, chosen(regions=("Austria",))).totals["revenue"] == 10


def test_best_sellers_come_first_and_those_without_sales_are_absent(reader: Reader) -> None:
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
    """O4 and O8 are returns here. To say that sales changed by -300 % would not help."""
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


def test_a_filter_is_not_blamed_if_no_order_counts(tmp_path: Path) -> None:
    """For example, order_status.csv may not know the shop's own word for "paid"."""

    def say(orders: list[Row]) -> str:
        with open_snapshot(tmp_path, rows() | {"fct_orders": orders}) as opened:
            return explain_no_orders(overview.count_orders(opened))

    day = "2026-06-29"
    cancelled = order("O1", "C1", day, "store", 9, is_counted=False, order_status="cancelled")
    unknown = order("O2", "C1", day, "store", 9, is_counted=False, order_status="unmapped")
    assert "Remove a filter" in say([cancelled, order("O3", "C1", day, "store", 9)])
    assert say([]) == "There are no orders in the data."
    assert say([cancelled]).endswith("only completed orders dated up to the as-of day do.")
    assert say([cancelled, unknown]).endswith(
        "The status of 1 of them is not in `dbt_c360/seeds/order_status.csv`."
    )


def test_weeks_end_on_the_as_of_day_and_last_year_has_this_years_dates(reader: Reader) -> None:
    """O1 and O4 each lie one day before the end of their period.

    O8 lies 180 days before the end, in the first week.
    """
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
