"""Keeps a report's figures, as JSON, and finds the days that look different now.

Rows that come late change days that were already reported; the report then shows both numbers.
"""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from c360_dagster.daily_report.facts import Facts, ReportFigures, Sales

FORMAT = 1


class FiguresError(Exception):
    """Raised if the text is not what a report of this version keeps."""


@dataclass(frozen=True)
class Restated:
    """A day for which an earlier report had other figures."""

    day: date
    reported: Sales
    known: Sales


def write_figures(figures: ReportFigures) -> str:
    kept = {
        "format": FORMAT,
        "as_of": figures.as_of.isoformat(),
        "sales": {
            day.isoformat(): [str(sales.revenue), sales.orders, sales.customers]
            for day, sales in sorted(figures.sales.items())
        },
        "customers": figures.customers,
        "personas": figures.personas,
        "leaving": figures.leaving,
        "tickets_open": figures.tickets_open,
        "rows_rejected": figures.rows_rejected,
    }
    return json.dumps(kept, indent=1) + "\n"


def read_figures(text: str | bytes) -> ReportFigures:
    try:
        kept = json.loads(text)
        if kept["format"] != FORMAT:
            raise FiguresError(f"it has format {kept['format']}, not {FORMAT}")
        return ReportFigures(
            date.fromisoformat(kept["as_of"]),
            {
                date.fromisoformat(day): Sales(Decimal(revenue), int(orders), int(customers))
                for day, (revenue, orders, customers) in kept["sales"].items()
            },
            int(kept["customers"]),
            {str(name): int(count) for name, count in kept["personas"].items()},
            tuple(map(str, kept["leaving"])),
            int(kept["tickets_open"]),
            int(kept["rows_rejected"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as problem:
        raise FiguresError(f"it cannot be read: {problem!r}") from problem


def find_restated(previous: ReportFigures, facts: Facts) -> list[Restated]:
    """Returns the days for which the earlier report had other figures, the latest first."""
    return [
        Restated(day, before, now)
        for day, before in sorted(previous.sales.items(), reverse=True)
        if day in facts.sales or day in facts.shown
        for now in [facts.sales.get(day, Sales())]
        if now != before
    ]
