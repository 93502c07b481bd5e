"""Puts rows in the order of their customers, so that sums are always added in the same order."""

import polars as pl


def order_customers(rows: pl.DataFrame) -> pl.DataFrame:
    """Sorts rows by customer_id, unless SQL has put them in order already."""
    return rows if rows["customer_id"].is_sorted() else rows.sort("customer_id")
