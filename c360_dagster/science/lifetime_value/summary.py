"""Turns orders into what the models read: how often, how recently, how long, and how much.

features.py says which columns the forecast needs.
"""

from datetime import date

import polars as pl

DAYS = {"day": 1, "week": 7}


def summarise(orders: pl.DataFrame, as_of: date, unit: str = "week") -> pl.DataFrame:
    """Returns one row per buyer: customer_id, frequency, recency, T, monetary_value.

    As in the papers, all that a customer buys on one day is one purchase; frequency counts the
    purchases after the first; recency and T begin at the first purchase; monetary_value is the mean
    of the purchases after the first, 0 if there are none. An amount below zero is not a purchase:
    it is subtracted from the purchase before it.
    """
    if unit not in DAYS:
        raise ValueError(f"unit is {unit!r}; take one of {', '.join(DAYS)}.")
    day, per_unit = pl.col("order_date"), DAYS[unit]
    first_amount = pl.col("amount").sort_by("order_date").first()
    repeats = pl.len().cast(pl.Int64) - 1
    return (
        purchase_days(orders, as_of)
        .lazy()
        .group_by("customer_id")
        .agg(
            frequency=repeats,
            recency=(day.max() - day.min()).dt.total_days() / per_unit,
            T=(pl.lit(as_of) - day.min()).dt.total_days() / per_unit,
            monetary_value=pl.when(repeats > 0)
            .then((add_up() - first_amount) / repeats)
            .otherwise(0.0)
            .round(6),
        )
        .sort("customer_id")
        .collect(engine="streaming")
    )


def check_orders(orders: pl.DataFrame) -> pl.DataFrame:
    """Returns ids as text, days as Date and amounts as Float64; drops rows without id or day."""
    missing = {"customer_id", "order_date", "amount"} - set(orders.columns)
    if missing:
        raise ValueError(
            f"orders lack {', '.join(sorted(missing))}; they need customer_id, order_date, amount."
        )
    return orders.select(
        pl.col("customer_id").cast(pl.String),
        pl.col("order_date").cast(pl.Date),
        pl.col("amount").cast(pl.Float64).fill_nan(None).fill_null(0.0),
    ).drop_nulls(["customer_id", "order_date"])


def purchase_days(orders: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Returns customer_id, order_date and amount: one row per customer and day on which something
    was bought."""
    known = check_orders(orders).lazy().filter(pl.col("order_date") <= as_of)
    days = sum_days(known).collect(engine="streaming")
    givers = days.filter(~pl.col("is_purchase")).select("customer_id").unique()
    if givers.is_empty():
        return days.drop("is_purchase")
    untouched = days.join(givers, on="customer_id", how="anti")
    netted = _net_returns(days.join(givers, on="customer_id", how="semi"))
    return pl.concat([untouched.drop("is_purchase"), netted])


def sum_days(orders: pl.LazyFrame) -> pl.LazyFrame:
    """Sums up by customer and day; is_purchase if at least one amount is not below zero."""
    return (
        orders.with_columns(_millionths(), is_purchase=pl.col("amount") >= 0)
        .group_by("customer_id", "order_date")
        .agg(pl.col("amount").sum() / 1e6, pl.col("is_purchase").max())
    )


def add_up(rows: pl.Expr | None = None) -> pl.Expr:
    """Sums in whole millionths, so that the order of the rows does not matter."""
    counted = _millionths() if rows is None else pl.when(rows).then(_millionths()).otherwise(0)
    return counted.sum() / 1e6


def _millionths() -> pl.Expr:
    return (pl.col("amount") * 1e6).round().cast(pl.Int64)


def _net_returns(days: pl.DataFrame) -> pl.DataFrame:
    """Subtracts what was given back from the purchase before it; drops what was given back before
    the first."""
    number = pl.col("is_purchase").cum_sum().over("customer_id")
    return (
        days.sort("customer_id", "order_date")
        .with_columns(number=number)
        .filter(pl.col("number") > 0)
        .group_by("customer_id", "number")
        .agg(pl.col("order_date").min(), amount=add_up())
        .select("customer_id", "order_date", "amount")
    )
