"""The planted defects: their names and rates, and the few that are applied to finished text.

Defects in numbers (amounts, keys, dates) are planted where the numbers are made.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from mock_data.draws import Draws, Ints

RATES: Mapping[str, float] = {
    "registered_twice": 0.04,
    "other_mail_elsewhere": 0.3,
    "other_phone_elsewhere": 0.25,
    "repeated_rows": 0.004,
    "invalid_emails": 0.02,
    "phone_formats": 0.6,
    "letter_cases": 0.06,
    "stray_spaces": 0.03,
    "orphan_keys": 0.002,
    "negative_quantities": 0.002,
    "future_dates": 0.0005,
    "header_off_by_a_cent": 0.004,
    "price_unlike_catalogue": 0.005,
    "regional_sales_off": 0.02,
    "lifetime_value_off": 0.03,
    "malformed_lines": 0.0006,
    "cells_of_mixed_types": 0.3,
    "durations_in_words": 0.66,
}
REPEATED = {"customers", "transactions", "transaction_items", "support_tickets", "shipments",
            "app_usage", "tracking_events"}  # fmt: skip
MALFORMED = {"customers", "transactions", "transaction_items", "support_tickets", "shipments",
             "app_usage"}  # fmt: skip
# Positions of the cell that gets text for a number, and of the one that gets an impossible date.
_NUMBER_CELL = {"customers": None, "transactions": 9, "transaction_items": 3, "support_tickets": 8,
                "shipments": -1, "app_usage": 5}  # fmt: skip
_DATE_CELL = {"customers": 7, "transactions": 2, "transaction_items": None, "support_tickets": 2,
              "shipments": -5, "app_usage": 3}  # fmt: skip


@dataclass
class Tally:
    """How often each defect was planted, by file."""

    counts: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, defect: str, file: str, count: int) -> None:
        if count:
            self.counts[defect][file] = self.counts[defect].get(file, 0) + int(count)

    def merge(self, other: "Tally") -> None:
        for defect, files in other.counts.items():
            for file, count in files.items():
                self.add(defect, file, count)

    def report(self) -> dict[str, object]:
        """Returns every defect with its rate, its count and its count in each file."""
        return {
            name: {
                "rate": rate,
                "count": sum(self.counts.get(name, {}).values()),
                "files": dict(sorted(self.counts.get(name, {}).items())),
            }
            for name, rate in RATES.items()
        }


def pick_rows(draws: Draws, defect: str, table: str, keys: Ints) -> Ints:
    """Returns the positions of the rows that a defect hits."""
    return np.flatnonzero(draws.uniform(f"{defect} {table}", keys) < RATES[defect])


def break_lines(draws: Draws, table: str, frame: pl.DataFrame, keys: Ints) -> tuple[str, int]:
    """Returns broken copies of a few rows as lines of text; the rows themselves stay intact."""
    hit = pick_rows(draws, "malformed_lines", table, keys)
    if not len(hit):
        return "", 0
    kinds = draws.integers(f"kind of break {table}", 0, 20, keys[hit])
    text = frame[hit].write_csv(include_header=False, float_precision=2, quote_style="never")
    lines = [
        _break_line(line, int(kind), table)
        for line, kind in zip(text.splitlines(), kinds, strict=True)
    ]
    return "".join(line + "\n" for line in lines), len(lines)


def _break_line(line: str, kind: int, table: str) -> str:
    cells = line.split(",")
    number, moment = _NUMBER_CELL[table], _DATE_CELL[table]
    if kind == 0:  # rare, because a careless reader may lose every line after an open quote
        return ",".join([cells[0], '"' + cells[1], *cells[2:]])
    if kind < 6 and number is not None:
        cells[number] = "n/a!"
        return ",".join(cells)
    if kind < 11 and moment is not None:
        cells[moment] = "2025-13-45 27:61:00"
        return ",".join(cells)
    if kind < 14:
        return ",".join([cells[0], f'"{cells[1]}" x', *cells[2:]])
    if kind < 17:
        return ",".join(cells[:-2])
    return ",".join([*cells, "surplus", "surplus"])
