"""How numbers, money and days are written in messages, reports and on cards."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from landing_contract import INVISIBLE

NOTHING = "–"
NO_CHANGE = "no change"
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
# An amount that rounds up to the next size is shown in that size: $1.00 M, not $1,000 k.
SIZES = ((999.995e6, 1e9, "B", 2), (999_500.0, 1e6, "M", 2), (100_000.0, 1e3, "k", 0))
"""For short amounts: the least amount, the unit, its letter, and how many decimal places."""
MANY_TIMES = 3
"""From this factor on, a multiple says more than a percentage."""

Number = Decimal | float


def money(value: Number | None, currency: str, places: int = 0) -> str:
    if value is None:
        return NOTHING
    sign = "−" if round(float(value), places) < 0 else ""
    return sign + with_currency(f"{abs(value):,.{places}f}", currency)


def short(
    value: Number | None, currency: str, sizes: Sequence[tuple[float, float, str, int]] = SIZES
) -> str:
    """An amount that fits on a card: $1.23 M."""
    size = abs(float(value or 0))
    for least, unit, letter, places in sizes:
        if size >= least:
            sign = "−" if value and value < 0 else ""
            return sign + with_currency(f"{size / unit:,.{places}f} {letter}", currency)
    return money(value, currency)


def with_currency(text: str, currency: str) -> str:
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{text}" if symbol else f"{text} {currency}".strip()


def percent(value: float | None, places: int = 1) -> str:
    if value is None:
        return NOTHING
    # Adding 0 turns −0.0 into 0.
    return f"{round(value * 100, places) + 0:,.{places}f} %".replace("-", "−")


def change(now: Number | None, before: Number | None) -> str | None:
    """`+5.0 %`, `×4.2`, or None if there is nothing sensible to compare with."""
    if now is None or before is None or float(before) <= 0:
        return None
    times = float(now) / float(before)
    if times >= MANY_TIMES:
        return f"×{times:,.1f}"
    part = round((times - 1) * 100, 1)
    return NO_CHANGE if part == 0 else f"{part:+,.1f} %".replace("-", "−")


def brief_change(now: Number | None, before: Number | None) -> str | None:
    """The same for a narrow column: `+5 %`, `×420`."""
    if now is None or before is None or float(before) <= 0:
        return None
    times = float(now) / float(before)
    if times >= MANY_TIMES:
        return f"×{times:,.1f}" if times < 100 else f"×{times:,.0f}"
    part = round((times - 1) * 100)
    return f"{part:+,d} %".replace("-", "−") if part else "0 %"


def more(now: int, before: int) -> str:
    """`3 more`, `2 fewer`, `as many`."""
    if now == before:
        return "as many"
    return f"{now - before:,} more" if now > before else f"{before - now:,} fewer"


def count(number: int, one: str, many: str | None = None) -> str:
    """`3 orders`, `1 order`, `no orders`."""
    shown = f"{number:,}" if number else "no"
    return f"{shown} {one if number == 1 else many or one + 's'}"


def day(value: date) -> str:
    return f"{value:%a} {value.day} {value:%b %Y}"


def long_day(value: date) -> str:
    return f"{value:%A}, {value.day} {value:%B %Y}"


def short_day(value: date, beside: date) -> str:
    """Leaves the year out if the day beside it has the same."""
    year = "" if value.year == beside.year else f" {value:%Y}"
    return f"{value.day} {value:%b}{year}"


def month(value: str) -> str:
    """`2026-03` as people write it."""
    year, number = value.split("-")
    return f"{date(int(year), int(number), 1):%B %Y}"


def visible(text: str) -> str:
    """Makes control characters visible; a terminal would obey those in a cell or a file's name."""
    return INVISIBLE.sub(
        lambda found: found[0] if found[0] in "\n\t" else f"\\u{ord(found[0]):04x}", text
    )


def name(value: str) -> str:
    """`store` becomes `Store`; a state's code stays."""
    return sentence(value.replace("_", " "))


def sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
