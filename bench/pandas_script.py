"""The script that an analyst would write with pandas: the sales marts and a mart of customers.

It runs by itself wherever pandas is installed: `python pandas_script.py landing
who_is_who.parquet day out`. It merges and groups, and never loops over rows; money is counted in
whole cents until the end, so that sums are exact.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

STATUSES = {
    "completed": "completed",
    "complete": "completed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "refunded": "refunded",
}
MONEY = ["line_total", "discount_applied"]
TOP = 10


@dataclass(frozen=True)
class Tables:
    """What is read and cleaned before the marts are made."""

    landing: Path
    people: pd.DataFrame
    orders: pd.DataFrame
    lines: pd.DataFrame
    products: pd.DataFrame
    as_of: pd.Timestamp


def main() -> None:
    landing, who, out = (Path(sys.argv[place]) for place in (1, 2, 4))
    as_of = pd.Timestamp(sys.argv[3])
    began = read_clocks()
    people = pd.read_parquet(who)
    orders = read_orders(landing, people, as_of)
    lines = read_lines(landing, orders)
    tables = Tables(landing, people, orders, lines, read_products(landing), as_of)
    read = read_clocks()
    marts = build_marts(tables)
    for name, mart in marts.items():
        mart.to_parquet(out / f"{name}.parquet", index=False)
    written = read_clocks()
    took = {"whole": written - began, "marts": written - read}
    sys.stdout.write(json.dumps({name: lap.tolist() for name, lap in took.items()}))


def read_clocks() -> np.ndarray:
    """Returns seconds by the clock and seconds of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def build_marts(tables: Tables) -> dict[str, pd.DataFrame]:
    sold = tables.lines[tables.lines["is_counted"]]
    by_order = sum_orders(sold, tables.orders)
    value = measure_value(by_order)
    return {
        "customer_lifetime_value": value,
        "category_performance": measure_categories(sold, tables.products),
        "monthly_revenue_orders": measure_months(by_order),
        "customer_order_frequency": measure_frequency(by_order),
        "top_10_customers_by_revenue": value.sort_values(
            ["total_revenue", "customer_id"], ascending=[False, True]
        ).head(TOP)[["customer_id", "total_orders", "total_revenue"]],
        "mart_customer_360": describe_customers(tables),
    }


def read_orders(landing: Path, people: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Reads the orders of the tills and the acquired shop, and adds the person of each."""
    names = ["transaction_id", "customer_id", "transaction_date", "channel", "store_id"]
    till = pd.read_csv(
        landing / "sales" / "transactions.csv",
        usecols=[*names, "total_amount", "status"],
        dtype=dict.fromkeys([*names[:2], *names[3:], "status"], "str"),
        parse_dates=["transaction_date"],
    ).drop_duplicates("transaction_id", keep="last")
    till["source_system"] = "crm"
    written = till.pop("status").str.strip().str.lower()
    till["status"] = written.map(STATUSES).mask(written.isna(), "completed")
    shop = pd.read_csv(
        landing / "workbooks" / "Transaction.csv",
        usecols=["transaction_id", "customer_id", "transaction_date", "amount"],
        dtype={"transaction_id": "str", "customer_id": "str"},
        parse_dates=["transaction_date"],
    ).drop_duplicates("transaction_id", keep="last")
    shop = shop.rename(columns={"amount": "total_amount"}).assign(
        transaction_id="wb-" + shop["transaction_id"],
        source_system="workbooks",
        channel="online",
        status="completed",
    )
    orders = pd.concat([till, shop], ignore_index=True)
    orders["total_amount"] = in_cents(orders["total_amount"])
    orders = orders.rename(columns={"customer_id": "source_id"}).merge(
        people, on=["source_system", "source_id"], how="left"
    )
    dated = orders["transaction_date"].notna()
    orders["is_known"] = dated & (orders["transaction_date"].dt.normalize() <= as_of)
    orders["is_counted"] = orders["is_known"] & (orders["status"] == "completed")
    return orders


def read_lines(landing: Path, orders: pd.DataFrame) -> pd.DataFrame:
    names = ["item_id", "transaction_id", "product_id"]
    lines = pd.read_csv(
        landing / "sales" / "transaction_items.csv",
        usecols=[*names, "quantity", *MONEY],
        dtype=dict.fromkeys(names, "str"),
    ).drop_duplicates("item_id", keep="last")
    for name in MONEY:
        lines[name] = in_cents(lines[name])
    lines["revenue"] = lines["line_total"] - lines["discount_applied"].fillna(0)
    till = orders.loc[
        orders["source_system"] == "crm", ["transaction_id", "customer_id", "is_counted"]
    ]
    lines = lines.merge(till, on="transaction_id", how="left")
    # A line without an order does not count.
    lines["is_counted"] = lines["is_counted"].eq(True)  # noqa: FBT003  a cell is compared
    return lines


def read_products(landing: Path) -> pd.DataFrame:
    products = pd.read_csv(
        landing / "products" / "products.csv",
        usecols=["product_id", "category", "brand", "price"],
        dtype={"product_id": "str"},
    ).drop_duplicates("product_id", keep="last")
    products["price"] = in_cents(products["price"])
    return products


def in_cents(amounts: pd.Series) -> pd.Series:
    """Returns whole cents, as floats, so that empty cells stay empty.

    Sums up to 90 billion (10^9) are exact.
    """
    return (amounts * 100).round()


def divide(above: pd.Series, below: pd.Series) -> pd.Series:
    """Divides, rounds to six decimals, halves away from zero; nothing if divided by zero."""
    ratio = above / below.where(below != 0)
    return np.sign(ratio) * np.floor(ratio.abs() * 1e6 + 0.5) / 1e6


def sum_orders(sold: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Sums lines into orders first, so that a line is never counted as an order."""
    revenue = sold.groupby("transaction_id", as_index=False)["revenue"].sum()
    by_order = revenue.merge(
        orders[["transaction_id", "customer_id", "transaction_date"]], on="transaction_id"
    )
    by_order["order_date"] = by_order["transaction_date"].dt.normalize()
    return by_order


def measure_value(by_order: pd.DataFrame) -> pd.DataFrame:
    value = by_order.groupby("customer_id", as_index=False).agg(
        total_orders=("transaction_id", "size"), total_revenue=("revenue", "sum")
    )
    value["total_revenue"] /= 100
    value["avg_order_value"] = divide(value["total_revenue"], value["total_orders"])
    return value


def measure_categories(sold: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    by_product = sold.groupby("product_id", as_index=False, dropna=False).agg(
        total_sales=("quantity", "sum"), total_revenue=("revenue", "sum")
    )
    by_product = by_product.merge(products, on="product_id", how="left")
    by_product["category"] = by_product["category"].fillna("unknown")
    found = by_product.groupby("category", as_index=False).agg(
        total_sales=("total_sales", "sum"),
        total_revenue=("total_revenue", "sum"),
        price=("price", "sum"),
        prices=("price", "count"),
    )
    found["total_revenue"] /= 100
    found["avg_price"] = divide(found["price"] / 100, found["prices"])
    return found.drop(columns=["price", "prices"])


def measure_months(by_order: pd.DataFrame) -> pd.DataFrame:
    months = by_order.assign(month=by_order["order_date"].dt.strftime("%Y-%m"))
    found = months.groupby("month", as_index=False).agg(
        total_orders=("transaction_id", "size"), total_revenue=("revenue", "sum")
    )
    found["total_revenue"] /= 100
    return found


def measure_frequency(by_order: pd.DataFrame) -> pd.DataFrame:
    found = by_order.groupby("customer_id", as_index=False).agg(
        total_orders=("transaction_id", "size"),
        first_order=("order_date", "min"),
        last_order=("order_date", "max"),
    )
    days = (found["last_order"] - found["first_order"]).dt.days
    found["avg_days_between_orders"] = divide(days, found["total_orders"] - 1)
    return found


def describe_customers(tables: Tables) -> pd.DataFrame:
    """Returns one row per person, with or without orders: what follows from orders and lines."""
    customers = tables.people[["customer_id"]].drop_duplicates().set_index("customer_id")
    customers = customers.join(sum_customers(tables.orders, tables.lines))
    customers = customers.join(find_main_stores(tables.landing, tables.orders))
    customers = customers.join(measure_variety(tables.lines, tables.products))
    zero = [name for name in customers if name.startswith(("total", "orders", "amount"))]
    zero += ["categories_purchased", "brands_purchased"]
    customers[zero] = customers[zero].fillna(0)
    customers[["total_spent", "amount_refunded"]] /= 100
    customers["avg_order_value"] = divide(customers["total_spent"], customers["total_orders"])
    last_day = customers["last_order_date"].dt.normalize()
    customers["days_since_last_order"] = (tables.as_of - last_day).dt.days
    customers["as_of_date"] = tables.as_of
    return customers.reset_index()


def sum_customers(orders: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    units = lines.groupby("transaction_id")["quantity"].sum()
    known = orders[orders["is_known"] & orders["customer_id"].notna()]
    counted = known[known["is_counted"]]
    counted = counted.assign(units=counted["transaction_id"].map(units))
    bought = counted.groupby("customer_id").agg(
        total_orders=("transaction_id", "size"),
        total_spent=("total_amount", "sum"),
        first_order_date=("transaction_date", "min"),
        last_order_date=("transaction_date", "max"),
        total_items_purchased=("units", "sum"),
    )
    refunded = known[known["status"] == "refunded"].groupby("customer_id")["total_amount"]
    cancelled = known[known["status"] == "cancelled"].groupby("customer_id").size()
    return pd.concat(
        [
            bought,
            refunded.size().rename("orders_refunded"),
            refunded.sum().rename("amount_refunded"),
            cancelled.rename("orders_cancelled"),
        ],
        axis=1,
    )


def find_main_stores(landing: Path, orders: pd.DataFrame) -> pd.DataFrame:
    """Returns each customer's most frequent store; on ties the latest, then the lowest id."""
    in_store = ~orders["channel"].fillna("store").str.lower().isin(["online", "mobile"])
    visits = orders[in_store & orders["is_counted"]].groupby(
        ["customer_id", "store_id"], as_index=False
    )
    main = visits.agg(orders=("transaction_id", "size"), last=("transaction_date", "max"))
    main = main.sort_values(["orders", "last", "store_id"], ascending=[False, False, True])
    stores = pd.read_csv(landing / "logistic" / "warehouse_locations.csv", dtype="str").rename(
        columns={
            "location_id": "store_id",
            "location_name": "store_name",
            "city": "store_city",
            "state": "store_state",
        }
    )
    shown = ["store_id", "store_name", "store_city", "store_state"]
    main = main.drop_duplicates("customer_id").merge(stores[shown], on="store_id", how="left")
    return main.set_index("customer_id")[shown]


def measure_variety(lines: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Returns how many categories and brands were bought, and the favourite category.

    A line that only takes something back is no purchase.
    """
    sold = lines[lines["is_counted"] & lines["customer_id"].notna()]
    sold = sold.merge(products[["product_id", "category", "brand"]], on="product_id")
    bought = sold[sold["quantity"] > 0]
    liked = sold.groupby(["customer_id", "category"], as_index=False).agg(
        revenue=("revenue", "sum"), units=("quantity", "sum")
    )
    liked = liked.sort_values(["revenue", "units", "category"], ascending=[False, False, True])
    favourite = liked.drop_duplicates("customer_id").set_index("customer_id")["category"]
    different = bought.groupby("customer_id")[["category", "brand"]].nunique()
    return pd.concat(
        [
            different["category"].rename("categories_purchased"),
            different["brand"].rename("brands_purchased"),
            favourite.rename("favourite_category"),
        ],
        axis=1,
    )


if __name__ == "__main__":
    main()
