"""Turns numbers into the text that files hold: ids, days, moments and words for codes.

Text is looked up in tables of finished strings, which is many times faster than formatting rows.
"""

from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl

from mock_data.draws import Bools, Floats, Ints

_EPOCH = date(1910, 1, 1)
_LAST = date(2174, 1, 1)
"""Dates planted in the far future begin in 2103, and a world has at most seventy years."""


@cache
def _days() -> pl.Series:
    days = [(_EPOCH + timedelta(days=n)).isoformat() for n in range((_LAST - _EPOCH).days)]
    return pl.Series([*days, ""])


@cache
def _times() -> pl.Series:
    clock = [f" {s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}" for s in range(86_400)]
    return pl.Series([*clock, ""])


def days(start: date, day: Ints, missing: Bools | None = None) -> pl.Series:
    """Returns ISO dates of days counted from the start; empty where missing."""
    at = day + (start - _EPOCH).days
    return _days().gather(at if missing is None else np.where(missing, len(_days()) - 1, at))


def moments(start: date, day: Ints, second: Ints, missing: Bools | None = None) -> pl.Series:
    """Returns moments as `YYYY-MM-DD HH:MM:SS`; empty where missing."""
    clock = np.broadcast_to(second, day.shape)
    if missing is not None:
        clock = np.where(missing, 86_400, clock)
    return days(start, day, missing) + _times().gather(clock)


def ids(prefix: str, numbers: Ints, missing: Bools | None = None) -> pl.Series:
    """Returns the prefix followed by the number; empty where missing."""
    text = prefix + pl.Series(numbers).cast(pl.String)
    if missing is not None and missing.any():
        return text.set(pl.Series(missing), "")
    return text


def padded(numbers: Ints, width: int) -> pl.Series:
    """Returns the numbers, filled with zeros on the left."""
    return pl.Series(numbers).cast(pl.String).str.zfill(width)


def words(choices: list[str] | tuple[str, ...] | pl.Series, codes: Ints | Bools) -> pl.Series:
    """Returns the word at each code's position in the choices."""
    table = choices if isinstance(choices, pl.Series) else pl.Series(choices, dtype=pl.String)
    return table.gather(codes.astype(np.int64))


def whole(numbers: Ints, missing: Bools | None = None) -> pl.Series:
    """Returns integers as text; empty where missing."""
    text = pl.Series(numbers).cast(pl.String)
    return text if missing is None else text.set(pl.Series(missing), "")


def money(cents: Ints) -> Floats:
    """Returns dollars; the files have two decimals."""
    return cents / 100.0
