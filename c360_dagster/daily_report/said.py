"""Keeps what a report said, as JSON, and finds the days that look different now.

Rows that come late change days that were already reported; the report then shows both numbers.
"""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from c360_dagster.daily_report.facts import Facts, Said, Sales

FORMAT = 1


class SaidError(Exception):
    """Raised if the text is not what a report of this version keeps."""


@dataclass(frozen=True)
class Restated:
    """A day about which an earlier report said something else."""

    day: date
    said: Sales
    known: Sales


def write_said(said: Said) -> str:
    kept = {
        "format": FORMAT,
        "as_of": said.as_of.isoformat(),
        "sales": {
            day.isoformat(): [str(sales.revenue), sales.orders, sales.customers]
            for day, sales in sorted(said.sales.items())
        },
        "customers": said.customers,
        "personas": said.personas,
        "leaving": said.leaving,
        "tickets_open": said.tickets_open,
        "rows_rejected": said.rows_rejected,
    }
    return json.dumps(kept, indent=1) + "\n"


def read_said(text: str) -> Said:
    try:
        kept = json.loads(text)
        if kept["format"] != FORMAT:
            raise SaidError(f"it has format {kept['format']}, not {FORMAT}")
        return Said(
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
        raise SaidError(f"it cannot be read: {problem!r}") from problem


def restate(said: Said, facts: Facts) -> list[Restated]:
    """Returns the days for which the earlier report had other figures, the latest first."""
    return [
        Restated(day, before, now)
        for day, before in sorted(said.sales.items(), reverse=True)
        if day in facts.sales or day in facts.shown
        for now in [facts.sales.get(day, Sales())]
        if now != before
    ]
