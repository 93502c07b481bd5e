"""Who buys: the personas, and valuable customers who may leave. Nobody is named."""

from decimal import Decimal
from html import escape

from c360_dagster import words
from c360_dagster.daily_report.facts import (
    LEAST_RISK,
    SHOWN_DAYS,
    Facts,
    Leaving,
    Persona,
    ReportFigures,
)
from c360_dagster.daily_report.sections.elements import money, table

RISKY = f"{words.percent(LEAST_RISK, 0)} or more"


def show_personas(facts: Facts, previous: ReportFigures | None) -> list[str]:
    if not facts.personas:
        return ["<p>There are no customers yet.</p>"]
    revenue = sum((persona.revenue for persona in facts.personas), Decimal(0))
    head = ["Persona", "people", *(["since last"] if previous else []), "revenue", "risk"]
    rows = [_persona_row(persona, revenue, previous) for persona in facts.personas]
    return [
        table(
            (
                f"Revenue: share of the revenue of the last {SHOWN_DAYS} days. Risk: average "
                "probability of no order in the next twelve months."
            ),
            head,
            rows,
        ),
        *_describe_moves(facts),
    ]


def _persona_row(persona: Persona, revenue: Decimal, previous: ReportFigures | None) -> list[str]:
    since = persona.customers - previous.personas.get(persona.name, 0) if previous else 0
    return [
        escape(persona.name),
        f"{persona.customers:,}",
        *([f"{since:+,}".replace("-", "−") if since else "0"] if previous else []),
        words.percent(float(persona.revenue / revenue)) if revenue > 0 else words.NOTHING,
        words.percent(persona.churn_risk, 0),
    ]


def _describe_moves(facts: Facts) -> list[str]:
    if facts.moved_in is None:
        return []
    when = words.month(facts.moved_in)
    if not facts.moves:
        return [f"<p>Nobody changed persona in {when}.</p>"]
    moves = "".join(
        f"<li>{escape(move.before)} → {escape(move.after)}: {move.customers:,}</li>"
        for move in facts.moves
    )
    return [f"<p>The largest moves in {when}:</p><ul>{moves}</ul>"]


def show_leaving(facts: Facts, previous: ReportFigures | None) -> list[str]:
    if not facts.leaving:
        return [f"<p>Nobody who is expected to spend anything has a risk of {RISKY}.</p>"]
    before = set(previous.leaving) if previous else None
    rows = [_leaving_row(facts, each, before) for each in facts.leaving]
    at_risk = money(facts, facts.value_at_risk)
    head = ["Customer", "12-month value", "risk", "days silent"]
    lead = (
        f"The value at risk (expected value times risk) is {at_risk} for all customers together. "
        f"These customers have the most of it, among those with a risk of {RISKY}; search for "
        "their ids in the dashboard to see why."
    )
    return [
        f"<p>{escape(lead)}</p>",
        table("The value expected of each customer, and the probability of no order.", head, rows),
    ]


def _leaving_row(facts: Facts, each: Leaving, before: set[str] | None) -> list[str]:
    is_new = before is not None and each.customer_id not in before
    about = [each.persona, *_describe_troubles(each)]
    return [
        escape(each.customer_id)
        + ('<span class="new">new</span>' if is_new else "")
        + f'<br><span class="soft">{escape(", ".join(filter(None, about)))}</span>',
        escape(words.short(each.clv_12m, facts.currency)),
        words.percent(each.churn_risk, 0),
        words.NOTHING if each.days_silent is None else f"{each.days_silent:,}",
    ]


def _describe_troubles(each: Leaving) -> list[str]:
    """What may have driven the customer away."""
    late, tickets = each.late_deliveries, each.tickets_open
    return [
        *([words.count(late, "late parcel")] if late else []),
        *([words.count(tickets, "open ticket")] if tickets else []),
    ]
