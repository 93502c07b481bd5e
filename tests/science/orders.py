"""Orders for the tests: CDNOW's, and those of invented shops whose parameters are known."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Row = tuple[str, date, float]
START = date(2024, 1, 1)
CDNOW = Path(__file__).resolve().parent.parent / "data" / "cdnow_sample.csv"


def make_orders(rows: list[Row]) -> pl.DataFrame:
    schema = {"customer_id": pl.String, "order_date": pl.Date, "amount": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def read_cdnow() -> pl.DataFrame:
    """Returns the CDNOW sample; its ids have leading zeros and stay text."""
    schema = {"customer_id": pl.String, "order_date": pl.Date, "amount": pl.Float64}
    return pl.read_csv(CDNOW, schema=schema)


def measure_afterwards(
    orders: pl.DataFrame, forecast: pl.DataFrame, as_of: date, days: int
) -> pl.DataFrame:
    """Returns what each customer of a forecast spent afterwards, and on how many days."""
    later = orders.filter(
        pl.col("order_date") > as_of, pl.col("order_date") <= as_of + timedelta(days=days)
    )
    happened = later.group_by("customer_id").agg(
        spend=pl.col("amount").sum(),
        purchases=pl.col("order_date").filter(pl.col("amount") >= 0).n_unique(),
    )
    joined = forecast.select("customer_id").join(
        happened, on="customer_id", how="left", maintain_order="left"
    )
    return joined.with_columns(pl.col("spend", "purchases").fill_null(0))


def naive_forecasts(
    orders: pl.DataFrame, forecast: pl.DataFrame, as_of: date, days: int
) -> dict[str, pl.Series]:
    """Returns the forecasts that one would try first: the last period or the overall mean."""
    known = orders.filter(pl.col("order_date") <= as_of)
    first = known["order_date"].min()
    assert isinstance(first, date)
    history = (as_of - first).days
    window = min(days, history)
    late = known.filter(pl.col("order_date") > as_of - timedelta(days=window))
    return {
        name: forecast.select("customer_id")
        .join(
            rows.group_by("customer_id").agg(spend=pl.col("amount").sum() * days / per),
            on="customer_id",
            how="left",
            maintain_order="left",
        )["spend"]
        .fill_null(0.0)
        for name, rows, per in (("last period", late, window), ("mean rate", known, history))
    }


def run_shop(  # noqa: PLR0913 (each is a parameter of the shop)
    *,
    customers: int,
    days: int,
    seed: int,
    christmas: float = 1.0,
    giants: float = 0.0,
    refunds: float = 0.0,
) -> pl.DataFrame:
    """Draws orders with gamma-distributed rates and exponential stays.

    `christmas` is how many times more November and December sell.
    """
    random = np.random.default_rng(seed)
    months = np.array([(START + timedelta(days=day)).month for day in range(days)])
    mass = np.concatenate([[0.0], np.cumsum(np.where(months >= 11, christmas, 1.0))])
    rate = random.gamma(0.9, 0.025, customers)
    begins = np.where(random.random(customers) < 0.5, 0, random.integers(0, days, customers))
    ends = np.minimum(begins + random.exponential(900, customers), days - 1).astype(np.int64)
    value = random.gamma(4, 10, customers) * np.where(random.random(customers) < giants, 25, 1)
    span = mass[ends] - mass[begins]
    counts = random.poisson(rate * span)
    person = np.repeat(np.arange(customers), counts)
    drawn = mass[begins[person]] + random.random(len(person)) * span[person]
    moment = np.searchsorted(mass, drawn, side="right") - 1
    person = np.concatenate([np.arange(customers), person])
    moment = np.concatenate([begins, moment])
    amount = value[person] * random.gamma(3, 1 / 3, len(person))
    given_back = np.flatnonzero(random.random(len(person)) < refunds)
    return pl.concat(
        [
            _frame(person, moment, amount),
            _frame(
                person[given_back],
                np.minimum(moment[given_back] + 5, days - 1),
                -amount[given_back] * 0.7,
            ),
        ]
    )


def _frame(
    person: NDArray[np.int64], moment: NDArray[np.int64], amount: NDArray[np.float64]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": pl.Series(person).cast(pl.String).str.zfill(6),
            "order_date": np.datetime64(START, "D") + moment.astype(np.int64),
            "amount": amount.round(2),
        },
        schema_overrides={"order_date": pl.Date},
    )
