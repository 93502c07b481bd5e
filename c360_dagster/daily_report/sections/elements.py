"""The pieces of which every section is built. Words are escaped here; cells are HTML already."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape

from c360_dagster import words
from c360_dagster.daily_report.facts import Facts


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Writes a table; the cells must be HTML already."""
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for first, *cells in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def mark(change: str | None) -> str:
    """Shows a change with its sign; the colour only repeats what the sign says."""
    if change is None:
        return words.NOTHING
    kind = {"−": "down", "n": "same", "0": "same"}.get(change[0], "up")
    return f'<span class="{kind}">{change}</span>'


def money(facts: Facts, value: Decimal, places: int = 0) -> str:
    return words.money(value, facts.currency, places)


def signed(facts: Facts, value: Decimal) -> str:
    sign = "+" if value > 0 else ""
    return sign + words.money(value, facts.currency, 2)
