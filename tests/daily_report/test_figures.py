"""What earlier reports said is kept and compared with what is known now."""

from dataclasses import replace
from decimal import Decimal

import pytest

from c360_dagster.daily_report.facts import (
    DAY,
    Facts,
    Sales,
    take_figures,
)
from c360_dagster.daily_report.figures import (
    FiguresError,
    find_restated,
    read_figures,
    write_figures,
)
from c360_dagster.daily_report.page import write_page
from tests.dashboard.small_snapshot import AS_OF


def test_reported_figures_are_written_and_read_back(facts: Facts) -> None:
    said = take_figures(facts)
    assert read_figures(write_figures(said)) == said
    assert find_restated(said, facts) == []
    for text in ("", "[]", "{}", write_figures(said).replace('"100', '"x')):
        with pytest.raises(FiguresError, match="it cannot be read: "):
            read_figures(text)
    with pytest.raises(FiguresError, match=r"^it has format 0, not 1$"):
        read_figures(write_figures(said).replace('"format": 1', '"format": 0'))


def test_a_late_row_shows_what_was_said_and_what_is_known(facts: Facts) -> None:
    yesterday = AS_OF - DAY
    before = replace(facts, as_of=yesterday, sales=facts.sales | {yesterday: Sales(Decimal(80), 1)})
    page = write_page(facts, take_figures(before))
    assert (
        "For Mon 29 Jun 2026 the report said $80.00 from 1 order; with the rows that came since "
        "it is $100.00 from 1 order (+$20.00)." in page
    )
    assert "still hold" not in page
    assert "still hold" in write_page(facts, take_figures(replace(facts, as_of=yesterday)))


def test_a_day_without_orders_that_got_some_is_restated(facts: Facts) -> None:
    said = take_figures(replace(facts, as_of=AS_OF - DAY, sales={}))
    told = {
        each.day: (each.reported.orders, each.known.orders) for each in find_restated(said, facts)
    }
    assert told[AS_OF - DAY] == (0, 1)
    assert AS_OF not in told  # the earlier report said nothing about this day


def test_an_old_report_is_restated_for_the_days_still_known(facts: Facts) -> None:
    """One reported day (in March) has an order with another amount, and one has no order now.

    The third is 600 days ago, before the days that are still looked at.
    """
    known, without = AS_OF - DAY * 100, AS_OF - DAY * 2
    sold = Sales(Decimal(1), 1, 1)
    said = replace(
        take_figures(facts), sales=dict.fromkeys((known, without, AS_OF - DAY * 600), sold)
    )
    later = replace(facts, sales=facts.sales | {known: Sales(Decimal(2), 1, 1)})
    assert [each.day for each in find_restated(said, later)] == [without, known]
