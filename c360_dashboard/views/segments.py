"""Segments: how large and how valuable each group is, what sets it apart, and who moves where."""

import polars as pl
import streamlit as st

from c360_dashboard import charts, layout
from c360_dashboard import format as say
from c360_dashboard.page import Page
from c360_dashboard.queries import segments
from c360_dashboard.views import meanings

MONTHS = (1, 3, 6, 12)
NO_HISTORY = (
    "No changes are recorded yet: they appear once days in two consecutive months are recorded. "
    "Every run records its day; `make backfill` fills in the past."
)
NO_PERSONA = (
    "No purchase yet: no completed order above zero. Cancelled and refunded orders do not "
    "count; if only returns are known, the spend is below zero."
)
NO_RFM_SEGMENT = (
    "No purchase yet: no completed order. Cancelled and refunded orders do not count; a "
    "return does."
)


def draw(page: Page) -> None:
    found = page.ask(segments.load, page.filters)
    if not len(found.personas):
        layout.note("No customers match these filters.")
        return
    _shares(found.personas)
    _sizes(page, found.personas, "Personas", "personas", NO_PERSONA)
    _habits(page, found.habits)
    _migrations(page)
    _moves(page)
    _sizes(
        page,
        found.rfm,
        "Segments by recency, frequency and spend",
        "rfm-segments",
        NO_RFM_SEGMENT,
    )


def _shares(frame: pl.DataFrame) -> None:
    layout.heading("Who carries the revenue", "Each persona's share of customers and of spend.")
    long = pl.concat(
        [
            frame.select("segment", pl.lit(name).alias("of"), pl.col(column).alias("share"))
            for name, column in (("customers", "customer_share"), ("spend", "spent_share"))
        ]
    )
    layout.chart(
        charts.paired_bars(
            long,
            x="share",
            y="segment",
            series="of",
            order=["customers", "spend"],
            y_order=list(frame["segment"]),
            x_format=".0%",
        ),
        "Share of customers and of spend by persona; the table below has the numbers.",
    )


def _sizes(page: Page, frame: pl.DataFrame, title: str, file: str, explanation: str) -> None:
    layout.table(
        frame,
        [
            layout.text("segment", "Segment"),
            layout.number("customers", "Customers"),
            layout.share("customer_share", "Share", "Of the customers in this table."),
            layout.amount("spent", "Spent", meanings.SPENT, page.currency),
            layout.share("spent_share", "Share of spend"),
            layout.amount(
                "order_value", "Order value", "Spend per order, with tax.", page.currency, 2
            ),
            layout.number("orders_each", "Orders each", "", say.decimal),
            layout.number("days_silent", "Days silent", "Median of the days since the last order."),
            layout.amount("clv_12m", "12-month value", meanings.CLV, page.currency),
            layout.share("churn_risk", "Risk of leaving", meanings.CHURN),
            layout.share("consent", "Consent", meanings.CONSENT),
        ],
        title=title,
        file=file,
        explanation=explanation,
    )


def _habits(page: Page, frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("persona", "Persona"),
            layout.text("likes", "Likes more than others", meanings.LIFT),
            layout.amount(
                "avg_basket_value",
                "Basket",
                "Average value of an order, before tax.",
                page.currency,
                2,
            ),
            layout.number("avg_items", "Items", "Average items in an order.", say.decimal),
            layout.share("online_ratio", "Online", "Orders online and in the app."),
            layout.share("repeat_ratio", "Bought again", "Customers who bought more than once."),
            layout.number("sessions_per_customer", "Visits each", "Web and app.", say.decimal),
            layout.number("tickets_per_customer", "Tickets each", "", say.decimal),
        ],
        title="What sets the personas apart",
        file="persona-habits",
        explanation="For all regions: the snapshot does not break this down.",
    )


def _migrations(page: Page) -> None:
    layout.heading(
        "Who changed segment",
        "From the end of one month to the end of the next, as recorded at the time; the latest "
        "month goes up to the as-of day. New customers had no segment before and are not "
        "counted.",
    )
    months = page.ask(segments.load_months)
    if not months:
        layout.note(NO_HISTORY)
        return
    with st.container(horizontal=True):
        month = st.selectbox(
            "Month", months, format_func=say.month, key="month", bind="query-params", width=220
        )
        what = st.selectbox(
            "Between",
            list(segments.MIGRATING),
            format_func=segments.MIGRATING.__getitem__,
            key="between",
            bind="query-params",
            width=220,
        )
    moves = page.ask(segments.load_migrations, page.filters, month, what)
    if not len(moves):
        layout.note(f"Nobody who matches these filters changed segment in {say.month(month)}.")
        return
    groups = sorted({*moves["group_before"], *moves["group_after"]})
    layout.chart(
        charts.heatmap(
            moves,
            x="group_after",
            y="group_before",
            value="customers",
            value_format=",.0f",
            value_title="Customers",
            x_order=groups,
            y_order=groups,
            x_title="to",
            y_title="from",
        ),
        "Customers by the segment that they left, in rows, and the one that they entered, in "
        "columns; the table has the numbers.",
    )
    layout.table(
        moves,
        [
            layout.text("group_before", "From"),
            layout.text("group_after", "To"),
            layout.number("customers", "Customers"),
            layout.share("share", "Share", "Of those who left the same segment in that month."),
        ],
        title="Changes of segment in numbers",
        file="segment-changes",
    )


def _moves(page: Page) -> None:
    layout.heading(
        "Who bought again, who fell silent",
        "Active: an order in the last 90 days. Slowing: 91 to 180 days ago. Lapsed: longer ago. "
        "Computed from the orders as they are known now.",
    )
    months = st.selectbox(
        "Compared with",
        MONTHS,
        format_func=lambda count: "a month earlier" if count == 1 else f"{count} months earlier",
        key="months",
        bind="query-params",
        width=220,
    )
    moves = page.ask(segments.load_moves, page.filters, months)
    layout.chart(
        charts.heatmap(
            moves,
            x="state_now",
            y="state_before",
            value="customers",
            value_format=",.0f",
            value_title="Customers",
            x_order=segments.STATES,
            y_order=segments.STATES,
            x_title="now",
            y_title="then",
        ),
        "Customers by their state then, in rows, and now, in columns; the table has the numbers.",
    )
    layout.table(
        moves,
        [
            layout.text("state_before", "Then"),
            layout.text("state_now", "Now"),
            layout.number("customers", "Customers"),
            layout.share("share", "Share", "Of those who were in the same state then."),
        ],
        title="Moves in numbers",
        file="moves",
    )
