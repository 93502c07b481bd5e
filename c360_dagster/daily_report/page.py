"""Writes a day's report as one HTML page that needs no server, no script and no network.

Everything that comes from data is escaped. Nobody is named: customers appear with their ids only.
"""

from collections.abc import Sequence
from html import escape

from c360_dagster import words
from c360_dagster.daily_report.facts import SHOWN_DAYS, WEEK, Facts, ReportFigures, Sales
from c360_dagster.daily_report.sections.changes import show_changes
from c360_dagster.daily_report.sections.customers import show_leaving, show_personas
from c360_dagster.daily_report.sections.elements import money
from c360_dagster.daily_report.sections.sales import name_days, show_chart, show_day, show_parts
from c360_dagster.daily_report.sections.service import show_service
from c360_dagster.daily_report.sections.trust import show_health
from c360_dagster.daily_report.style import STYLE

# Even if something slipped through unescaped, no browser would run or fetch it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def write_page(facts: Facts, previous: ReportFigures | None) -> str:
    """Writes the page; `previous` has the figures of the last report of an earlier day, if any."""
    sections = [
        _write_head(facts),
        _section("The day", show_day(facts)),
        _section("What changed since the last report", show_changes(facts, previous)),
        _section(name_days(len(facts.shown) or SHOWN_DAYS), show_chart(facts)),
        _section("By channel", show_parts(facts, facts.channels, "channel")),
        _section("By region", show_parts(facts, facts.regions, "region")),
        _section("Personas", show_personas(facts, previous)),
        _section("Valuable and leaving", show_leaving(facts, previous)),
        _section("Deliveries and the help desk", show_service(facts)),
        _section("Can the numbers be trusted?", show_health(facts, previous)),
        _write_foot(facts),
    ]
    title = f"Customer 360, {words.day(facts.as_of)}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def _section(title: str, parts: Sequence[str]) -> str:
    return "\n".join(["<section>", f"<h2>{escape(title)}</h2>", *parts, "</section>"])


def _write_head(facts: Facts) -> str:
    today = facts.sold(facts.as_of) or Sales()
    a_week_ago = facts.sold(facts.as_of - WEEK)
    lead = f"Revenue of {money(facts, today.revenue)} from {words.count(today.orders, 'order')}"
    against = words.change(today.revenue, a_week_ago.revenue) if a_week_ago else None
    lead += f", {against} against the {facts.as_of - WEEK:%A} before." if against else "."
    if not today.orders:
        lead = "No completed order is known for this day yet."
    return (
        f'<header><p class="soft">Customer 360 · daily report</p>'
        f'<h1><time datetime="{facts.as_of}">{words.long_day(facts.as_of)}</time></h1>'
        f'<p class="lead">{escape(lead)}</p></header>'
    )


def _write_foot(facts: Facts) -> str:
    published = (
        f"Published on {words.day(facts.published_at)}, {facts.published_at:%H:%M}, by run "
        if facts.published_at
        else "Published by run "
    )
    return (
        f'<footer class="soft"><p>As of {words.day(facts.as_of)}: events up to that day, as the '
        f"files known by then told them. {published}{escape(facts.run_id)}.</p>"
        "<p>Revenue: completed orders, before tax, after discounts, returns subtracted. Last week "
        "and last year: the same weekday, 7 and 364 days earlier. A region is the state where the "
        "customer lives; if none is known, the store's state, or else the customer's country. "
        "Nobody is named here; <code>make dashboard</code> shows more.</p></footer>"
    )
