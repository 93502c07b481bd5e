"""The columns that a forecast is made from, one row per customer, as of today and of earlier days.

SQL may compute the same columns: FEATURES says what each means, plan_rehearsal gives the days.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from c360_dagster.science.lifetime_value.summary import add_up, check_orders, sum_days

YEAR = 364
"""Fifty-two weeks, so that days a year apart are also the same day of the week."""
GAP_DAYS, ONE_IN = 90, 100
"""If fewer than one in ONE_IN of all orders come before a gap of more than GAP_DAYS days without
orders, their years were mistyped."""

PRESENCE = {
    "frequency": "purchase days up to the day, less one; null where there is none yet",
    "recency_days": "from the first purchase day to the last; null as frequency",
    "age_days": "from the first purchase day to the day; null as frequency",
}
HISTORY = PRESENCE | {
    "spend": "all amounts up to the day, what was given back subtracted",
    "spend_last": "the same, within the last window_days up to the day",
    "purchases_last": "purchase days within the last window_days up to the day",
}
FEATURES = {
    "customer_id": "text; one row each",
    **{name: f"{text} (the day: as_of)" for name, text in HISTORY.items()},
    **{f"past_{name}": f"{text} (the day: cutoff)" for name, text in HISTORY.items()},
    "past_spend_after": "all amounts in the window_days after cutoff",
    "past_purchases_after": "purchase days in the window_days after cutoff",
    **{f"year_ago_{name}": f"{text} (the day: year_ago)" for name, text in PRESENCE.items()},
    "year_ago_purchases_after": "purchase days in the horizon_days after year_ago, up to as_of",
}
"""Every column and what it means. A purchase day has an order whose amount is not below zero."""


@dataclass(frozen=True)
class Rehearsal:
    """The days of a rehearsal: before the forecast is made, it is tried as of the cutoff and
    compared with the window from then up to as_of."""

    first_day: date
    as_of: date
    horizon_days: int
    window_days: int

    @property
    def cutoff(self) -> date:
        return self.as_of - timedelta(days=self.window_days)

    @property
    def year_ago(self) -> date:
        return self.as_of - timedelta(days=YEAR)

    @property
    def known_days(self) -> int:
        return max((self.as_of - self.first_day).days, 1)

    @property
    def sees_a_season(self) -> bool:
        """Whether a whole year is known, and a month before it in which some became customers."""
        return self.known_days >= YEAR + 30

    @property
    def knows_a_year(self) -> bool:
        """Whether a whole year is known, and 90 days before it in which most became customers."""
        return self.known_days >= YEAR + 90

    @property
    def is_full(self) -> bool:
        return self.window_days >= self.horizon_days


def find_first_day(orders: pl.DataFrame, as_of: date) -> date:
    """Returns the first day of the history. Leaves out mistyped years, because a single one would
    make the history decades long."""
    day, orders_of_day = pl.col("order_date"), pl.col("len")
    days = orders.filter(day <= as_of).group_by(day).len().sort(day)
    orders_before = orders_of_day.cum_sum() - orders_of_day
    follows_slips = (day.diff().dt.total_days() > GAP_DAYS) & (
        orders_before * ONE_IN < orders_of_day.sum()
    )
    found = days.select(begun=day.filter(follows_slips).max(), first=day.min())
    return found["begun"].item() or found["first"].item() or as_of


def plan_rehearsal(first_day: date, as_of: date, horizon_days: int) -> Rehearsal:
    """Plans the window: as long as the horizon if there is enough history before it (in all 1.75
    times the horizon), else two fifths of the history."""
    if horizon_days < 1:
        raise ValueError(f"horizon_days is {horizon_days}; a forecast needs at least one day.")
    known = max((as_of - first_day).days, 1)
    window = horizon_days if known >= 1.75 * horizon_days else max(1, known * 2 // 5)
    return Rehearsal(first_day, as_of, horizon_days, window)


def measure_customers(
    orders: pl.DataFrame, plan: Rehearsal, customers: pl.Series | None = None
) -> pl.DataFrame:
    """Returns the columns of FEATURES, sorted by customer, from the plan's days only."""
    day = pl.col("order_date")
    known = check_orders(orders).lazy().filter(day.is_between(plan.first_day, plan.as_of))
    measured = (
        sum_days(known)
        .group_by("customer_id")
        .agg(
            **_aggregate_history("", plan.as_of, plan.window_days),
            **_aggregate_history("past_", plan.cutoff, plan.window_days),
            **_aggregate_presence("year_ago_", plan.year_ago),
            past_spend_after=add_up(_between(plan.cutoff, plan.window_days)),
            past_purchases_after=_count(_between(plan.cutoff, plan.window_days)),
            year_ago_purchases_after=_count(_between(plan.year_ago, plan.horizon_days)),
        )
        .select(*FEATURES)
        .sort("customer_id")
        .collect(engine="streaming")
    )
    if customers is None:
        return measured
    everybody = pl.concat([customers.cast(pl.String), measured["customer_id"]])
    wanted = pl.DataFrame({"customer_id": everybody.drop_nulls().unique()})
    return wanted.join(measured, on="customer_id", how="left").sort("customer_id")


def _between(start: date, days: int) -> pl.Expr:
    day = pl.col("order_date")
    return (day > start) & (day <= start + timedelta(days=days))


def _count(rows: pl.Expr) -> pl.Expr:
    return (rows & pl.col("is_purchase")).sum().cast(pl.Int64)


def _aggregate_presence(prefix: str, cutoff: date) -> dict[str, pl.Expr]:
    bought = pl.col("is_purchase") & (pl.col("order_date") <= cutoff)
    day, count = pl.when(bought).then(pl.col("order_date")), bought.sum().cast(pl.Int64)
    return {
        f"{prefix}frequency": pl.when(count > 0).then(count - 1),
        f"{prefix}recency_days": (day.max() - day.min()).dt.total_days(),
        f"{prefix}age_days": (pl.lit(cutoff) - day.min()).dt.total_days(),
    }


def _aggregate_history(prefix: str, cutoff: date, window: int) -> dict[str, pl.Expr]:
    late = _between(cutoff - timedelta(days=window), window)
    return _aggregate_presence(prefix, cutoff) | {
        f"{prefix}spend": add_up(pl.col("order_date") <= cutoff),
        f"{prefix}spend_last": add_up(late),
        f"{prefix}purchases_last": _count(late),
    }
