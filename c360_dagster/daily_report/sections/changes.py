"""What differs from the last report: new figures for earlier days, and what has changed since."""

from decimal import Decimal
from html import escape

from c360_dagster import words
from c360_dagster.daily_report.facts import Facts, ReportFigures
from c360_dagster.daily_report.figures import Restated, find_restated
from c360_dagster.daily_report.sections.elements import money, signed

LISTED_RESTATED = 5
FIRST_REPORT = (
    "This is the first report that is kept here. From the next one on, this section shows what "
    "changed, including days already reported that late rows have changed since."
)


def show_changes(facts: Facts, previous: ReportFigures | None) -> list[str]:
    if previous is None:
        return [f"<p>{FIRST_REPORT}</p>"]
    items = [*_describe_restated(facts, previous), *_describe_since(facts, previous)]
    return [
        f"<p>The last report was of {words.long_day(previous.as_of)}.</p>",
        "<ul>",
        *(f"<li>{item}</li>" for item in items),
        "</ul>",
    ]


def _describe_restated(facts: Facts, previous: ReportFigures) -> list[str]:
    """Compares what was said about earlier days with what is known about them now."""
    changed = find_restated(previous, facts)
    if not changed:
        return ["The figures reported for earlier days still hold: no late row has changed them."]
    items = [_describe_day(facts, each) for each in changed[:LISTED_RESTATED]]
    more = changed[LISTED_RESTATED:]
    if more:
        by = sum((each.known.revenue - each.reported.revenue for each in more), Decimal(0))
        items.append(
            f"{words.count(len(more), 'other day')} changed too, by "
            f"{escape(signed(facts, by))} in all."
        )
    return items


def _describe_day(facts: Facts, each: Restated) -> str:
    return escape(
        f"For {words.day(each.day)} the report said {money(facts, each.reported.revenue, 2)} from "
        f"{words.count(each.reported.orders, 'order')}; with the rows that came since it is "
        f"{money(facts, each.known.revenue, 2)} from {words.count(each.known.orders, 'order')} "
        f"({signed(facts, each.known.revenue - each.reported.revenue)})."
    )


def _describe_since(facts: Facts, previous: ReportFigures) -> list[str]:
    items = [f"Customers: {facts.customers:,}, {words.more(facts.customers, previous.customers)}."]
    merges = sum(count for day, count in facts.merges.items() if day > previous.as_of)
    if merges:
        items.append(
            f"Who is who changed {words.count(merges, 'time')}: records turned out to be one "
            "person, or two. Earlier ids lead to today's."
        )
    listed = {each.customer_id for each in facts.leaving}
    new, gone = len(listed - set(previous.leaving)), len(set(previous.leaving) - listed)
    if new or gone:
        items.append(f"Valuable and leaving: {new:,} new on the list, {gone:,} no longer on it.")
    tickets = facts.service.tickets_open
    items.append(f"Open tickets: {tickets:,}, {words.more(tickets, previous.tickets_open)}.")
    rejected = facts.health.rows_rejected
    if rejected != previous.rows_rejected:
        items.append(
            f"Rejected rows: {rejected:,}, {words.more(rejected, previous.rows_rejected)}."
        )
    return items
