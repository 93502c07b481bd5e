"""What a reader chose to look at, as values bound to queries: no SQL is ever built from it."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

DAY = timedelta(days=1)
WEEKS = {"4w": 4, "13w": 13, "26w": 26}
PERIODS = {
    "4w": "Last 4 weeks",
    "13w": "Last 13 weeks",
    "26w": "Last 26 weeks",
    "12m": "Last 12 months",
    "ytd": "This year",
    "all": "Everything",
}
DEFAULT_PERIOD = "26w"


@dataclass(frozen=True)
class Span:
    """The first and the last day shown, and the comparable days a year earlier, if the data reach
    back that far.

    Weeks are compared with the weeks 52 weeks earlier, so that Saturdays are compared with
    Saturdays; months and years are compared with the same days of the year before.
    """

    start: date
    end: date
    start_before: date | None
    end_before: date | None
    grain: str

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1


@dataclass(frozen=True)
class Filters:
    span: Span
    channels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    personas: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of every query; an empty list means all."""
        return {
            "start": self.span.start,
            "end": self.span.end,
            "start_before": self.span.start_before,
            "end_before": self.span.end_before,
            "channels": list(self.channels),
            "regions": list(self.regions),
            "personas": list(self.personas),
        }


def read_period(period: str, as_of: date, first: date) -> Span:
    """Returns the days of a named period that ends on the as-of day; the data begin on `first`."""
    if period in WEEKS:
        start = as_of - timedelta(weeks=WEEKS[period]) + DAY
        year = timedelta(weeks=52)
        grain = "day" if period == "4w" else "week"
        return _span(start, as_of, start - year, as_of - year, grain=grain, first=first)
    if period == "all":
        return Span(min(first, as_of), as_of, None, None, "month")
    start = date(as_of.year, 1, 1) if period == "ytd" else _months_earlier(as_of, 11)
    return _span(
        start, as_of, _year_earlier(start), _year_earlier(as_of), grain="month", first=first
    )


def _span(
    start: date, end: date, start_before: date, end_before: date, *, grain: str, first: date
) -> Span:
    # At the start of the earlier period, 1/52 of the days may be missing: a week of a year, a day
    # of a quarter, none of four weeks. A whole week would be a quarter of four weeks.
    is_comparable = start_before >= first - (end - start) // 52
    return Span(
        start,
        end,
        start_before if is_comparable else None,
        end_before if is_comparable else None,
        grain,
    )


def _months_earlier(day: date, months: int) -> date:
    """Returns the first day of the month so many months earlier."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, 1)


def _year_earlier(day: date) -> date:
    last = calendar.monthrange(day.year - 1, day.month)[1]
    # 29 February is compared with 28 February.
    return date(day.year - 1, day.month, min(day.day, last))
