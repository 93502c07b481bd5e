"""Formats the table that `make bench` prints: one line for each figure, with its promise."""

from collections.abc import Sequence
from itertools import groupby

from bench.figures import PROMISES, Figure, judge

HEADER = (
    *("", "rows", "hash", "seconds", "rows/s", "MB"),
    *("against", "ratio", "same", "promised"),
)
TEXT = {0, 2, 6, 8, 9}
"""The positions of the columns that are aligned to the left."""
SHOWN_DIGITS = 6
HUNDREDTHS_BELOW = 100
LEGEND = """\
rows      how many rows were made; on the line 'landing to published', how many landed
hash      a checksum of these rows, whatever their order
seconds   what ours took; on the line of the stock parts, what they took
MB        peak memory
ratio     how many times as much ours takes as what it is compared with ('against'); with Faker,
          pandas and the stock parts, how many times as fast ours is
same      whether both sides made the same rows
promised  kept or BROKEN; in brackets if it was promised for another number of customers
'the limit' is the same work in one plain process, without Dagster, dbt and checks. 'growth' is how
many times as long the run took as at the size before, divided by how many times n log n grew.
"""


def format_table(figures: Sequence[Figure]) -> str:
    rows = [HEADER, *map(_cells, figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADER))]
    lines = [_line(HEADER, widths)]
    for customers, group in groupby(figures, key=lambda figure: figure.customers):
        lines += ["", f"{customers:,} customers"]
        lines += [_line(_cells(figure), widths) for figure in group]
    return "\n".join([*lines, "", LEGEND])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    placed = (
        cell.ljust(width) if place in TEXT else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return " ".join(placed).rstrip()


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        f" {figure.name}",
        _whole(figure.rows),
        (figure.checksum or "")[:SHOWN_DIGITS],
        _short(figure.seconds),
        _whole(figure.rows_a_second),
        _whole(figure.megabytes),
        figure.against or "",
        _short(figure.ratio),
        {None: "", True: "yes", False: "NO"}[figure.is_same],
        _promise(figure),
    )


def _promise(figure: Figure) -> str:
    promise = PROMISES.get(figure.name)
    if promise is None:
        return ""
    bound = f"{promise.sign} {promise.bound:g}"
    if promise.field == "megabytes":
        bound = f"{promise.sign} {promise.bound / 1024:g} GB"
    elif promise.field == "seconds":
        bound += " s"
    return {None: f"({bound})", True: f"{bound} kept", False: f"{bound} BROKEN"}[judge(figure)]


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if value < HUNDREDTHS_BELOW else f"{value:,.0f}"
