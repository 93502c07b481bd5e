"""The simulated retailer as the science gets it: its people (not records), orders and lines."""

from datetime import date
from pathlib import Path

import polars as pl

import mock_data
from tests.mock_data.home import Home

START, AS_OF = date(2025, 1, 1), date(2026, 6, 30)


def simulate(path: Path) -> None:
    mock_data.generate(path, customers=5000, seed=7, start=START, end=AS_OF)


class Retailer:
    """Takes people from the simulator's truth; other tests check how records are matched."""

    def __init__(self, path: Path) -> None:
        self.home, self.as_of = Home(path), AS_OF
        self.people = self.home.truth("people").rename({"person_id": "customer_id"})
        self.orders = pl.concat([self._read_till_orders(), self._read_shop_orders()])
        self.lines = self._read_lines()

    def _identify(self, frame: pl.DataFrame, system: str) -> pl.DataFrame:
        known = self.home.truth("identities").filter(pl.col("source_system") == system)
        people = known.select("source_id", pl.col("person_id").alias("person"))
        found = frame.join(people, left_on="customer_id", right_on="source_id")
        return found.drop("customer_id").rename({"person": "customer_id"})

    def _read_till_orders(self) -> pl.DataFrame:
        status = pl.col("status").str.to_lowercase()
        return self._keep_counted(
            self._identify(self.home.table("transactions"), "crm")
            .filter((status == "completed") | status.is_null() | (status == ""))
            .select(
                "customer_id",
                order_id="transaction_id",
                order_date=pl.col("transaction_date").str.head(10).str.to_date(strict=False),
                channel="channel",
                discount=pl.col("discount_amount").cast(pl.Float64, strict=False),
                amount=pl.col("subtotal").cast(pl.Float64, strict=False)
                - pl.col("discount_amount").cast(pl.Float64, strict=False).fill_null(0.0),
            )
        )

    def _read_shop_orders(self) -> pl.DataFrame:
        return self._keep_counted(
            self._identify(self.home.table("workbook_transactions"), "workbooks").select(
                "customer_id",
                order_id="wb-" + pl.col("transaction_id"),
                order_date=pl.col("transaction_date").str.head(10).str.to_date(strict=False),
                channel=pl.lit("online"),
                discount=pl.lit(None, dtype=pl.Float64),
                amount=pl.col("amount").cast(pl.Float64, strict=False),
            )
        )

    def _keep_counted(self, orders: pl.DataFrame) -> pl.DataFrame:
        return orders.filter((pl.col("amount") > 0) & (pl.col("order_date") <= self.as_of))

    def _read_lines(self) -> pl.DataFrame:
        price = pl.col("price").cast(pl.Float64)
        rank = (price.rank("min") - 1) / (pl.len() - 1)
        products = self.home.table("products").select(
            "product_id", "category", price_level=rank.over("category")
        )
        return (
            self.home.table("transaction_items")
            .join(self.orders, left_on="transaction_id", right_on="order_id")
            .join(products, on="product_id")
            .select("customer_id", "product_id", "category", "price_level", "order_date")
        )

    def features(self, as_of: date | None = None) -> pl.DataFrame:
        """Returns the features that personas.py needs, and the number of orders.

        There is one row for each customer with orders.
        """
        now = as_of or self.as_of
        orders = self.orders.filter(pl.col("order_date") <= now)
        lines = self.lines.filter(pl.col("order_date") <= now)
        day, count = pl.col("order_date"), pl.len().cast(pl.Float64)
        since_first = (pl.lit(now) - day.min()).dt.total_days()
        since_last = (pl.lit(now) - day.max()).dt.total_days()
        span = (day.max() - day.min()).dt.total_days()
        return (
            orders.group_by("customer_id")
            .agg(
                orders=pl.len(),
                avg_order_value=pl.col("amount").mean(),
                discount_share=(pl.col("discount") > 0).mean(),
                channels=pl.col("channel").n_unique(),
                orders_per_month=count * 30.4375 / pl.max_horizontal(since_first, pl.lit(90)),
                silence=since_last * count / (span + 90),
                evidence=pl.min_horizontal(count, pl.lit(3.0)) / 3.0,
            )
            .join(
                lines.group_by("customer_id").agg(pl.col("price_level").mean()),
                on="customer_id",
                how="left",
            )
        )

    def contacts(self) -> pl.DataFrame:
        """Returns every contact with the orders that its person placed on the campaign's days."""
        campaigns = self.home.table("campaigns").select(
            "campaign_id",
            first=pl.col("start_date").str.to_date(),
            last=pl.col("end_date").str.to_date(),
        )
        contacts = self._identify(self.home.table("campaign_contacts"), "crm").join(
            campaigns, on="campaign_id"
        )
        placed = (
            contacts.join(self.orders, on="customer_id")
            .filter(pl.col("order_date").is_between("first", "last"))
            .group_by("contact_id")
            .agg(orders=pl.len())
        )
        return contacts.join(placed, on="contact_id", how="left").select(
            "campaign_id", "customer_id", "group", pl.col("orders").fill_null(0)
        )
