"""Value and churn: how value and risk are spread, and which valuable customers may leave."""

import polars as pl
import streamlit as st

from c360_dashboard import charts, layout
from c360_dashboard import format as say
from c360_dashboard.layout import Card
from c360_dashboard.page import Page
from c360_dashboard.queries import value
from c360_dashboard.views import meanings

AGAINST = {"holdout": "the past", "future": "the future"}
"""What forecasts are compared with, in words."""


def draw(page: Page) -> None:
    found = page.ask(value.load, page.filters)
    if not found.totals["customers"]:
        layout.note(
            "No customer who matches these filters has a forecast to show: only customers who "
            "bought something can be worth more, or leave. Remove a filter to see others."
        )
        return
    _cards(page, found.totals)
    _leaving(page, found.leaving)
    left, right = st.columns(2)
    with left:
        _values(page, found.values)
    with right:
        _risks(found.risks)
    _bands(page, found.bands)
    _forecasts(page, found.forecasts)
    _calibration(page, found.calibration)


def _cards(page: Page, totals: dict[str, float]) -> None:
    layout.cards(
        [
            Card(
                "12-month value",
                say.short_money(totals["clv_12m"], page.currency),
                meanings.CLV,
            ),
            Card("Per customer", say.money(totals["avg_clv_12m"], page.currency), meanings.CLV),
            Card(
                "Value at risk",
                say.short_money(totals["value_at_risk"], page.currency),
                meanings.AT_RISK,
            ),
            Card(
                "Likely to leave",
                say.whole(totals["at_risk"]),
                f"Customers whose risk is 50 % or more, of {say.whole(totals['customers'])}.",
            ),
        ]
    )


def _leaving(page: Page, frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text(
                "customer_id",
                "Customer",
                link=lambda row: page.link_to_customer(row["customer_id"]),
            ),
            layout.text("name", "Name"),
            layout.text("persona", "Persona"),
            layout.amount("clv_12m", "12-month value", meanings.CLV, page.currency),
            layout.share("churn_risk", "Risk of leaving", meanings.CHURN),
            layout.amount("at_risk", "At risk", meanings.AT_RISK, page.currency),
            layout.amount("total_spent", "Spent", meanings.SPENT, page.currency),
            layout.number("days_since_last_order", "Days silent", "Since the last order."),
            layout.number("late_deliveries", "Late parcels"),
            layout.number("tickets_open", "Open tickets"),
            layout.text("marketing_consent", "May be written to", meanings.CONSENT),
        ],
        title="Valuable and leaving",
        file="valuable-and-leaving",
        explanation=(
            f"The {value.MAX_LISTED} customers with the most value at risk, among those with a "
            "risk of 30 % or more."
        ),
        empty="Nobody who matches these filters has a risk of 30 % or more.",
    )


def _values(page: Page, frame: pl.DataFrame) -> None:
    layout.heading("How value is spread", f"{meanings.CLV} The last bar holds everyone above it.")
    layout.chart(
        charts.histogram(
            frame,
            low="low",
            high="high",
            count="customers",
            x_format=charts.AMOUNT,
            x_title=say.in_currency("Expected in 12 months", page.currency),
            y_title="Customers",
        ),
        "Customers by the value expected of them in twelve months.",
    )


def _risks(frame: pl.DataFrame) -> None:
    layout.heading("How risk is spread", meanings.CHURN)
    layout.chart(
        charts.histogram(
            frame,
            low="low",
            high="high",
            count="customers",
            x_format=".0%",
            x_title="Risk of leaving",
            y_title="Customers",
            colour=charts.VERMILLION,
        ),
        "Customers by their risk of leaving.",
    )


def _bands(page: Page, frame: pl.DataFrame) -> None:
    layout.heading(
        say.in_currency("Expected value by risk", page.currency),
        "Value: thirds of the customers; low includes those expected to bring nothing. Risk: "
        "low is below a third, high is two thirds or more.",
    )
    layout.chart(
        charts.heatmap(
            frame,
            x="risk_band",
            y="value_band",
            value="clv_12m",
            value_format=",.0f",
            value_title=say.in_currency("Expected in 12 months", page.currency),
            x_order=value.BANDS,
            y_order=value.BANDS[::-1],
            x_title="Risk of leaving",
            y_title="Value",
        ),
        "Expected spend by band of value, in rows, and band of risk, in columns.",
    )


def _forecasts(page: Page, frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("persona", "Persona"),
            layout.number("customers", "Customers"),
            layout.number("expected_orders", "Orders expected", "In twelve months.", say.decimal),
            layout.amount("clv_12m", "12-month value", meanings.CLV, page.currency),
            layout.amount(
                "low",
                "Typically from",
                "Median of the lower ends of the customers' 80 % intervals.",
                page.currency,
            ),
            layout.amount(
                "high",
                "to",
                "Median of the upper ends of the customers' 80 % intervals. Where a few "
                "customers are worth very much, the average lies above it.",
                page.currency,
            ),
            layout.share(
                "active", "Buys again", "Average chance of at least one order in 12 months."
            ),
            layout.share("churn_risk", "Risk of leaving", meanings.CHURN),
        ],
        title="Forecasts by persona",
        file="forecasts-by-persona",
    )


def _calibration(page: Page, frame: pl.DataFrame) -> None:
    """Shows how far such forecasts can be trusted: what was expected against what came."""
    layout.heading(
        "Did earlier forecasts come true?",
        "Customers in ten groups, from the lowest forecasts to the highest. On the dashed line "
        "the forecast was exact; below it, too much was expected.",
    )
    if not len(frame):
        layout.note("Not known yet: forecasts can be tested once the data reach back far enough.")
        return
    named = frame.with_columns(against=pl.col("against").replace(AGAINST))
    kinds = [name for name in AGAINST.values() if name in set(named["against"])]
    layout.chart(
        charts.calibration(
            named,
            x="expected",
            y="actual",
            series="against",
            order=kinds,
            x_title=say.in_currency("Expected per customer", page.currency),
            y_title=say.in_currency("Actual per customer", page.currency),
        ),
        "Expected and actual spend of ten groups of customers; the table below has the numbers.",
    )
    layout.table(
        named,
        [
            layout.text("against", "Tested against"),
            layout.number("tenth", "Tenth", "10: the customers with the highest forecasts."),
            layout.number("customers", "Customers"),
            layout.amount("expected", "Expected", "Average per customer.", page.currency),
            layout.amount("actual", "Actual", "Average per customer.", page.currency),
            layout.share("missed", "Off by", "Above 0, the forecast was too high."),
        ],
        title="Expected and actual",
        file="calibration",
        explanation=(
            "For all customers. The past: a forecast made as of an earlier day, from the data "
            "up to it. The future: what the simulated people go on to do; for real people "
            "nobody knows."
        ),
    )
