"""Overview: how sales stand, against the year before, by channel and by region."""

import polars as pl

from c360_dashboard import charts, layout
from c360_dashboard import format as say
from c360_dashboard.filters import DAY
from c360_dashboard.layout import Card
from c360_dashboard.page import Page
from c360_dashboard.queries import overview
from c360_dashboard.views.meanings import CUSTOMERS, ORDER_VALUE, ORDERS, REVENUE


def draw(page: Page) -> None:
    found = page.ask(overview.load, page.filters)
    totals = found.totals
    if not totals["orders"]:
        layout.note(explain_no_orders(page.ask(overview.count_orders)))
        return
    _cards(page, totals)
    _over_time(page, found.over_time)
    _sales_by(page, found.by_channel, "channel", "Channel")
    _sales_by(page, found.by_region, "region", "Region")


def explain_no_orders(orders: dict[str, int]) -> str:
    """Returns what to say instead of numbers; blames the filters only if any order counts."""
    if orders["counted"]:
        return "No orders match these filters. Remove a filter, or choose more days."
    if not orders["known"]:
        return "There are no orders in the data."
    sentence = (
        f"None of the {say.whole(orders['known'])} orders counts: only completed orders dated up "
        "to the as-of day do."
    )
    if not orders["unmapped"]:
        return sentence
    return (
        f"{sentence} The status of {say.whole(orders['unmapped'])} of them is not in "
        "`dbt_c360/seeds/order_status.csv`."
    )


def _cards(page: Page, totals: dict[str, float]) -> None:
    money = lambda value: say.short_money(value, page.currency)  # noqa: E731  only here
    span = page.filters.span

    def card(title: str, name: str, show: object, meaning: str) -> Card:
        now, then = totals[name], totals[f"{name}_before"]
        return Card(title, show(now), meaning, say.change(now, then))  # type: ignore[operator]

    layout.cards(
        [
            card("Revenue", "revenue", money, REVENUE),
            card("Orders", "orders", say.whole, ORDERS),
            card("Customers", "customers", say.whole, CUSTOMERS),
            card("Order value", "order_value", money, ORDER_VALUE),
        ]
    )
    layout.note(
        f"Compared with {say.day(span.start_before)} – {say.day(span.end_before)}."
        if span.start_before
        else "The data do not reach back to the same days a year earlier."
    )


def _over_time(page: Page, frame: pl.DataFrame) -> None:
    grain, end = page.filters.span.grain, page.filters.span.end
    layout.heading(
        f"Revenue by {grain}",
        "Weeks of seven days are counted back from the as-of day; each is shown at its last day."
        if grain == "week"
        else "",
    )
    if grain == "month" and (end + DAY).month == end.month:
        layout.note(f"The last month goes up to {say.day(end)}.")
    order = ["this period", "a year before"]
    order = [name for name in order if name in set(frame["period"])]
    layout.chart(
        charts.over_time(
            frame,
            x="step",
            y="revenue",
            series="period",
            order=order,
            y_format=charts.AMOUNT,
            y_title=say.in_currency("Revenue", page.currency),
            grain=grain,
        ),
        f"Revenue by {grain}, this period and a year before.",
    )


def _sales_by(page: Page, frame: pl.DataFrame, name: str, title: str) -> None:
    layout.table(
        frame,
        [
            layout.Column(name, title, say.words if name == "channel" else str),
            layout.amount("revenue", "Revenue", REVENUE, page.currency),
            layout.share("revenue_share", "Share", "Of the revenue in this table."),
            layout.number(
                "revenue_change",
                "Against last year",
                "Revenue against the days that the period is compared with.",
                say.relative,
            ),
            layout.number("orders", "Orders", ORDERS),
            layout.number("customers", "Customers", CUSTOMERS),
            layout.amount("order_value", "Order value", ORDER_VALUE, page.currency, 2),
        ],
        title=f"Sales by {title.lower()}",
        file=f"sales-by-{name}",
    )
