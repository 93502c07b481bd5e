"""Amounts, changes and bars are written and drawn so that people can read them."""

import re
from decimal import Decimal

import pytest

from c360_dagster import words
from c360_dagster.daily_report.drawing import draw_days


def test_control_characters_are_shown_and_not_obeyed() -> None:
    hostile = "\x1b]0;title\x07\x1b[2Jé\t\u202egpj.exe\r\n"
    shown = "\\u001b]0;title\\u0007\\u001b[2Jé\t\\u202egpj.exe\\u000d\n"
    assert words.visible(hostile) == shown


@pytest.mark.parametrize(
    ("now", "before", "long", "brief"),
    [
        (Decimal(105), Decimal(100), "+5.0 %", "+5 %"),
        (95, 100, "−5.0 %", "−5 %"),
        (100, 100, "no change", "0 %"),
        (99.96, 100, "no change", "0 %"),
        (Decimal(420), Decimal(100), "×4.2", "×4.2"),
        (5, 0, None, None),
        (5, Decimal(-3), None, None),
        (None, 5, None, None),
        (5, None, None, None),
        (299, 100, "+199.0 %", "+199 %"),
        (300, 100, "×3.0", "×3.0"),
        (9_990, 100, "×99.9", "×99.9"),
        (10_000, 100, "×100.0", "×100"),
    ],
)
def test_changes_are_written_for_people(
    now: words.Number | None, before: words.Number | None, long: str | None, brief: str | None
) -> None:
    assert words.change(now, before) == long
    assert words.brief_change(now, before) == brief


def test_amounts_are_written_for_people() -> None:
    assert words.money(Decimal("-1234.5"), "USD", 2) == "−$1,234.50"
    assert words.money(Decimal(10), "CHF") == "10 CHF"
    assert words.money(Decimal(0), "USD") == words.money(Decimal("-0.4"), "USD") == "$0"
    assert words.short(Decimal(1_234_567), "EUR") == "€1.23 M"
    sizes = (99_999, 100_000, 999_499, 999_500, 999_994_999, 999_995_000)
    assert [words.short(size, "USD") for size in sizes] == [
        *("$99,999", "$100 k", "$999 k", "$1.00 M", "$999.99 M", "$1.00 B"),
    ]
    assert words.short(Decimal(-123_456), "USD") == "−$123 k"
    assert words.short(None, "USD") == words.money(None, "USD") == "–"
    parts = (None, -0.0001, 0.125, -0.125)
    assert [words.percent(part) for part in parts] == ["–", "0.0 %", "12.5 %", "−12.5 %"]
    assert [words.count(number, "order") for number in (0, 1, 1000)] == [
        "no orders",
        "1 order",
        "1,000 orders",
    ]
    assert (words.more(5, 3), words.more(3, 5), words.more(3, 3)) == (
        "2 more",
        "2 fewer",
        "as many",
    )


def test_bars_and_lines_are_as_high_as_their_amounts() -> None:
    """There are three days, each a third of the width of 900.

    The amount 100 fills the whole height of 200; a negative one (a return) has no height.
    """
    bars, line = [Decimal(100), Decimal(50), Decimal(-10)], [None, Decimal(75), Decimal(50)]
    drawn = draw_days(bars, line, [None] * 3, Decimal(100))
    (path,) = re.findall(r'class="bars" d="([^"]*)"', drawn)
    assert path == (
        "M37.5 200v-200.0h225.0V200zM337.5 200v-100.0h225.0V200zM637.5 200v-0.0h225.0V200z"
    )
    assert '<path class="mean" d="M450.0 50.0L750.0 100.0"/>' in drawn
    assert 'class="before"' not in drawn
    assert "v-0.0h" in draw_days([Decimal(0)], [None], [None], Decimal(0))
