"""Invented shops like those with public data, to judge the forecast where it was not designed.

Wholesalers with a few giants, Christmas with and without one to learn from, one-time buyers,
subscriptions, groceries, a cohort that only fades, and dear customers who leave soonest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

FIRST = date(2023, 12, 1)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """A forecast for `horizon_days`, made when the shop has been known for `known_days`."""

    known_days: int
    horizon_days: int

    @property
    def as_of(self) -> date:
        return FIRST + timedelta(days=self.known_days)


@dataclass(frozen=True)
class World:
    draw: Callable[[np.random.Generator], pl.DataFrame]
    trials: tuple[Trial, ...]


def draw_world(name: str, seed: int) -> pl.DataFrame:
    """Returns the shop's orders: customer_id, order_date, amount."""
    return WORLDS[name].draw(np.random.default_rng(seed))


def _sell(  # noqa: PLR0913 (each is a parameter of the shop)
    random: np.random.Generator,
    *,
    rate: Floats,
    begins: Floats,
    stays: Floats,
    value: Floats,
    days: int,
    season: Callable[[NDArray[np.int64]], Floats] | None = None,
    scatter: float = 0.6,
    refunds: float = 0.0,
) -> pl.DataFrame:
    """Draws everybody's first order, then random orders at their rate for as long as they stay."""
    calendar = np.array([(FIRST + timedelta(days=day)).timetuple().tm_yday for day in range(days)])
    strength = np.ones(days) if season is None else season(calendar)
    mass = np.concatenate([[0.0], np.cumsum(strength)])
    start = np.clip(begins, 0, days - 1).astype(np.int64)
    ends = np.clip(begins + stays, 0, days - 1).astype(np.int64)
    span = mass[ends] - mass[start]
    person = np.repeat(np.arange(len(rate)), random.poisson(rate * span))
    drawn = mass[start[person]] + random.random(len(person)) * span[person]
    moment = np.searchsorted(mass, drawn, side="right") - 1
    person, moment = np.concatenate([np.arange(len(rate)), person]), np.append(start, moment)
    amount = value[person] * random.lognormal(-(scatter**2) / 2, scatter, len(person))
    back = np.flatnonzero(random.random(len(person)) < refunds)
    later = np.minimum(moment[back] + random.integers(1, 20, len(back)), days - 1)
    return _frame(
        np.append(person, person[back]),
        np.append(moment, later),
        np.append(amount, -amount[back] * random.random(len(back))),
    )


def _frame(person: NDArray[np.int64], moment: NDArray[np.int64], amount: Floats) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": pl.Series(person).cast(pl.String).str.zfill(6),
            "order_date": np.datetime64(FIRST, "D") + moment.astype(np.int64),
            "amount": amount.round(2),
        },
        schema_overrides={"order_date": pl.Date},
    )


def _christmas(height: float) -> Callable[[NDArray[np.int64]], Floats]:
    """Returns a season that rises from the middle of September and ends with the year."""

    def strength(day_of_year: NDArray[np.int64]) -> Floats:
        return 1.0 + (height - 1.0) * np.clip((day_of_year - 258) / 60, 0.0, 1.0)

    return strength


def _draw_begins(random: np.random.Generator, customers: int, days: int, old: float) -> Floats:
    """Draws first days: the share `old` begins within the first 60 days, others at any time."""
    late = random.integers(0, days, customers).astype(np.float64)
    return np.where(random.random(customers) < old, random.integers(0, 60, customers), late)


def _sum_daily(rate: Floats, value: Floats, giants: NDArray[np.int64]) -> float:
    """Returns what all customers but the giants would spend in a day if all were there."""
    return float(np.delete(rate * value, giants).sum())


def _wholesale(random: np.random.Generator) -> pl.DataFrame:
    """Like a gift wholesaler: values over four powers of ten, and two giants who order weekly."""
    customers, days = 900, 740
    value = random.lognormal(5.3, 1.1, customers)
    rate = random.gamma(0.7, 0.02, customers)
    stays = random.exponential(700, customers)
    begins = _draw_begins(random, customers, days, 0.4)
    giants = random.choice(customers, 2, replace=False)
    rate[giants], stays[giants], begins[giants] = 0.12, 2000, 5
    value[giants] = _sum_daily(rate, value, giants) * random.uniform(0.02, 0.06, 2) / 0.12
    return _sell(
        random, rate=rate, begins=begins, stays=stays, value=value, days=days,
        season=_christmas(2.0), scatter=0.9, refunds=0.04,
    )  # fmt: skip


def _giant_leaves(random: np.random.Generator) -> pl.DataFrame:
    """Four giants, each of whom may begin or stop within the time that is looked at."""
    customers, days = 700, 740
    value, rate = random.lognormal(4.5, 0.8, customers), random.gamma(0.8, 0.025, customers)
    begins, stays = _draw_begins(random, customers, days, 0.5), random.exponential(600, customers)
    giants = random.choice(customers, 4, replace=False)
    begins[giants], stays[giants] = random.integers(0, 300, 4), random.integers(200, 700, 4)
    rate[giants] = 0.04
    value[giants] = _sum_daily(rate, value, giants) * random.uniform(0.03, 0.1, 4) / 0.04
    return _sell(random, rate=rate, begins=begins, stays=stays, value=value, days=days, scatter=1.0)


def _gifts(random: np.random.Generator) -> pl.DataFrame:
    """Christmas is three times as strong as the summer."""
    customers, days = 2500, 800
    return _sell(
        random,
        rate=random.gamma(0.8, 0.012, customers),
        begins=_draw_begins(random, customers, days, 0.3),
        stays=random.exponential(600, customers),
        value=random.lognormal(4.0, 0.8, customers),
        days=days,
        season=_christmas(3.0),
        refunds=0.05,
    )


def _once(random: np.random.Generator) -> pl.DataFrame:
    """Nine in ten come once and never again."""
    customers, days = 4000, 700
    comes_back = random.random(customers) < 0.1
    return _sell(
        random,
        rate=np.where(comes_back, random.gamma(1.0, 0.012, customers), 0.0),
        begins=_draw_begins(random, customers, days, 0.05),
        stays=random.exponential(500, customers),
        value=random.lognormal(4.0, 1.0, customers),
        days=days,
    )


def _subscriptions(random: np.random.Generator) -> pl.DataFrame:
    """Customers get a parcel each month at a fixed price until they cancel; some skip a month."""
    customers, days = 1500, 760
    begins = _draw_begins(random, customers, days, 0.2)
    lasts = np.minimum(begins + random.geometric(0.06, customers) * 30, days)
    counts = np.maximum(((lasts - begins) // 30).astype(np.int64), 1)
    person = np.repeat(np.arange(customers), counts)
    place = np.arange(len(person)) - np.repeat(np.cumsum(counts) - counts, counts)
    moment = begins[person] + place * 30 + random.integers(0, 3, len(person))
    kept = (random.random(len(person)) > 0.04) & (moment < days)
    value = random.choice([19.0, 29.0, 49.0], customers)[person]
    return _frame(person[kept], moment[kept].astype(np.int64), value[kept])


def _groceries(random: np.random.Generator) -> pl.DataFrame:
    """Households that come every week or two and hardly ever leave."""
    customers, days = 1200, 500
    return _sell(
        random,
        rate=random.gamma(2.0, 0.05, customers),
        begins=_draw_begins(random, customers, days, 0.8),
        stays=random.exponential(3000, customers),
        value=random.lognormal(3.3, 0.6, customers),
        days=days,
        scatter=0.7,
    )


def _cohort(random: np.random.Generator) -> pl.DataFrame:
    """Like CDNOW: all customers come within a quarter, most fade, nobody joins later."""
    customers, days = 2400, 560
    return _sell(
        random,
        rate=random.gamma(0.55, 0.012, customers),
        begins=random.integers(0, 85, customers).astype(np.float64),
        stays=random.exponential(300, customers) * random.gamma(0.7, 1.5, customers),
        value=random.lognormal(3.4, 0.6, customers),
        days=days,
        season=_christmas(1.4),
    )


def _dear(random: np.random.Generator) -> pl.DataFrame:
    """Dear customers leave within months and others like them come; all other customers stay."""
    customers, days = 3000, 760
    leaves = random.random(customers) < 0.25
    stays = np.where(leaves, random.uniform(70, 260, customers), 3000.0)
    comes = random.random(customers) * (days + stays) - stays
    return _sell(
        random,
        rate=random.gamma(4.0, 0.0125, customers),
        begins=np.where(leaves, comes, _draw_begins(random, customers, days, 0.6)),
        stays=stays,
        value=random.lognormal(np.where(leaves, 5.3, 3.8), 0.4, customers),
        days=days,
    )


YEARS = (Trial(365 + 273, 90), Trial(365 + 273, 30), Trial(365 + 182, 182), Trial(370, 365))
LONG = (*YEARS, Trial(365 + 35, 90))
SHORT = (Trial(273, 90), Trial(273, 120), Trial(333, 60), Trial(400, 30), Trial(182, 182))

WORLDS = {
    "wholesale": World(_wholesale, (*LONG, *SHORT)),
    "giants that come and go": World(_giant_leaves, (*LONG, *SHORT)),
    "gifts": World(_gifts, (*LONG, *SHORT)),
    "bought once": World(_once, (*YEARS[:3], Trial(300, 90), Trial(180, 180))),
    "subscriptions": World(_subscriptions, (*YEARS, Trial(120, 60), Trial(200, 200))),
    "groceries": World(
        _groceries, (Trial(90, 30), Trial(360, 90), Trial(250, 250), Trial(400, 60))
    ),
    "a cohort": World(_cohort, (Trial(273, 273), Trial(300, 90), Trial(180, 180), Trial(400, 120))),
    "the dearest leave soonest": World(
        _dear, (Trial(250, 180), Trial(325, 365), Trial(370, 365), Trial(500, 180))
    ),
}
