"""Numbers, days and words as people read them."""

import math
from datetime import date, datetime, timedelta

from c360_dagster import words as plain

NOTHING = plain.NOTHING
NO_CHANGE = plain.NO_CHANGE
month = plain.month
SIZES = ((999.995e6, 1e9, "B", 2), (999.95e3, 1e6, "M", 2), (1e4, 1e3, "k", 1))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

Number = float | int | None


def is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def whole(value: Number) -> str:
    return NOTHING if value is None or is_missing(value) else f"{value:,.0f}"


def decimal(value: Number, places: int = 1) -> str:
    return NOTHING if value is None or is_missing(value) else f"{value:,.{places}f}"


def percent(value: Number, places: int = 1) -> str:
    return plain.percent(None if is_missing(value) else value, places)


def money(value: Number, currency: str, places: int = 0) -> str:
    return plain.money(None if is_missing(value) else value, currency, places)


def short_money(value: Number, currency: str) -> str:
    """Writes an amount short enough for a card: $1.23 M."""
    if value is None or is_missing(value):
        return NOTHING
    return plain.short(value, currency, SIZES) if abs(value) >= 1000 else money(value, currency, 2)


def in_currency(title: str, currency: str) -> str:
    """Returns an axis's title, with the currency unless no file names it."""
    return f"{title} ({currency})" if currency else title


def change(now: Number, before: Number) -> str | None:
    """Returns the relative change with its sign. None if the earlier value is 0 or less, because a
    percentage of that means nothing."""
    if now is None or before is None or before <= 0:
        return None
    part = round((now / before - 1) * 100, 1)
    return f"{part:+,.1f} %" if part else NO_CHANGE


def relative(part: Number) -> str:
    """Writes a change that has been computed already: `+8.5 %`, or `×4.2` as in the report."""
    return plain.change(1 + part, 1) or NOTHING if part is not None else NOTHING


def day(value: date | None) -> str:
    return NOTHING if value is None else f"{value.day} {value:%b %Y}"


def moment(value: datetime | None) -> str:
    return NOTHING if value is None else f"{day(value)}, {value:%H:%M}"


def age(since: datetime, now: datetime) -> str:
    """Says how long ago it was, in the largest unit that fits."""
    passed = now - since
    if passed < 2 * MINUTE:
        return "just now"
    for unit, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if passed >= unit:
            count = passed // unit
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def words(value: str | None) -> str:
    """Writes a name from the data for people: `in_transit` becomes `In transit`."""
    return plain.name(value) if value else NOTHING
