"""Products and affinity: what sells, at what margin, who likes what, and what goes together."""

from typing import Any

import polars as pl

from c360_dagster import words
from c360_dashboard import charts, layout
from c360_dashboard import format as say
from c360_dashboard.layout import Column
from c360_dashboard.page import Page
from c360_dashboard.queries import products
from c360_dashboard.views import meanings


def draw(page: Page) -> None:
    found = page.ask(products.load, page.filters)
    if len(found.categories):
        _say_what_is_missing(page, found.without_lines)
        _categories(page, found.categories)
        _products(page, found.products)
    else:
        layout.note(
            "No sales match these filters. Remove a filter, or choose more days. If no file has "
            "order lines, nothing is known of products."
        )
    _affinity(page, found.affinity)
    _pairs(found.pairs)
    _suppliers(page, found.suppliers)


def _say_what_is_missing(page: Page, without_lines: dict[str, Any]) -> None:
    """Says which orders are left out, because the overview's revenue includes them."""
    if without_lines["orders"]:
        layout.note(
            f"Not among these: {words.count(without_lines['orders'], 'order')} of which the data "
            "hold no lines, and so no products, with a revenue of "
            f"{say.money(without_lines['revenue'], page.currency)}."
        )


def _sums(page: Page) -> list[Column]:
    return [
        layout.amount(
            "revenue", "Revenue", "Lines of completed orders after discounts.", page.currency
        ),
        layout.number("units", "Items"),
        layout.number("orders", "Orders", meanings.ORDERS),
        layout.number("customers", "Customers", meanings.CUSTOMERS),
        layout.share("margin_rate", "Margin", meanings.MARGIN),
    ]


def _categories(page: Page, frame: pl.DataFrame) -> None:
    layout.heading(say.in_currency("Revenue by category", page.currency))
    layout.chart(
        charts.bars(
            frame,
            x="revenue",
            y="category",
            x_format=".3~s",
            x_title=say.in_currency("Revenue", page.currency),
        ),
        "Revenue by category; the table below has the numbers.",
    )
    revenue, *others = _sums(page)
    layout.table(
        frame,
        [
            layout.text("category", "Category"),
            revenue,
            layout.share("revenue_share", "Share", "Of the revenue in this table."),
            *others,
        ],
        title="Categories",
        file="categories",
    )


def _products(page: Page, frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("product_name", "Product", is_long=True),
            layout.text("category", "Category"),
            *_sums(page),
            layout.share("return_rate", "Returned", "Of the items sold since the beginning."),
            layout.number("stock_on_hand", "In stock", "On the as-of day."),
            layout.number("days_of_stock", "Days of stock", "At the recent rate of sale."),
        ],
        title="Best sellers",
        file="best-sellers",
        explanation=f"The {products.MAX_LISTED} products with the highest revenue.",
    )


def _affinity(page: Page, frame: pl.DataFrame) -> None:
    if not len(frame):
        return
    layout.heading(
        "Who likes what", f"{meanings.LIFT} Since the beginning, all channels and regions."
    )
    layout.chart(
        charts.heatmap(
            frame,
            # A phone has room for few columns, and there are few personas.
            x="persona",
            y="category",
            value="lift",
            value_format=".2f",
            value_title="Lift",
            x_order=list(dict.fromkeys(frame["persona"])),
            y_order=sorted(set(frame["category"])),
            middle=1.0,
        ),
        "Lift of each category, in rows, for each persona, in columns; the table has the numbers.",
    )
    layout.table(
        frame.sort("lift", descending=True),
        [
            layout.text("persona", "Persona"),
            layout.text("category", "Category"),
            layout.number("lift", "Lift", meanings.LIFT, lambda value: say.decimal(value, 2)),
            layout.share(
                "revenue_share", "Share", "Of the persona's revenue whose category is known."
            ),
            layout.number("customers", "Customers"),
            layout.amount("revenue", "Revenue", "Since the beginning.", page.currency),
        ],
        title="Affinity in numbers",
        file="affinity",
    )


def _pairs(frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("category", "Who buys"),
            layout.text("other_category", "also buys"),
            layout.share(
                "confidence", "How often", "Share of the first's buyers who bought the second."
            ),
            layout.number(
                "lift",
                "Lift",
                "Above 1: more often than chance.",
                lambda value: say.decimal(value, 2),
            ),
            layout.number("customers", "Customers", "Who bought both."),
            layout.share("support", "Of all buyers"),
        ],
        title="What goes together",
        file="category-pairs",
        explanation=f"The {products.MAX_LISTED} pairs with the highest lift, since the beginning.",
        empty="No two categories were bought by the same customers yet.",
    )


def _suppliers(page: Page, frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("supplier_name", "Supplier"),
            layout.amount(
                "revenue", "Revenue", "Of its products, since the beginning.", page.currency
            ),
            layout.share("margin_rate", "Margin", meanings.MARGIN),
            layout.number("products", "Products"),
            layout.number("units", "Items"),
            layout.number("avg_lead_time_days", "Lead time", "Days, on average.", say.decimal),
            layout.number("quality_rating", "Quality", "The supplier's rating.", say.decimal),
            layout.number("stock_outs", "Stock-outs"),
        ],
        title="Suppliers",
        file="suppliers",
        empty="The data name no suppliers.",
    )
