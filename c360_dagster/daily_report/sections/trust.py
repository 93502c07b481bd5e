"""Whether the numbers can be trusted: rejected rows, what checks found, systems that disagree."""

from collections.abc import Sequence
from html import escape

from c360_dagster import words
from c360_dagster.daily_report.facts import Facts, ReportFigures
from c360_dagster.daily_report.sections.elements import table

LISTED_CHECKS = 12


def show_health(facts: Facts, previous: ReportFigures | None) -> list[str]:
    health = facts.health
    new = max(0, health.rows_rejected - previous.rows_rejected) if previous else 0
    rejected = (
        f"{health.rows_rejected:,} of {health.rows_loaded + health.rows_rejected:,} rows could "
        f"not be read{f', {new:,} of them since the last report' if new else ''}; "
        f"{words.count(health.cells_unreadable, 'cell was', 'cells were')} left empty."
    )
    items = [rejected, *(f"Not loaded: {escape(message)}" for message in health.refused)]
    items.append(
        f"{words.count(health.to_decide, 'pair of records waits', 'pairs of records wait')} for a "
        "person to decide."
        if health.to_decide
        else "No pair of records waits for a decision."
    )
    parts = ["<ul>", *(f"<li>{item}</li>" for item in items), "</ul>"]
    parts += _list_checks(health.checks)
    return [*parts, *_list_differences(facts)]


def _list_checks(checks: Sequence[str]) -> list[str]:
    if not checks:
        return ["<p>The tests of the data and of the models all passed.</p>"]
    shown = [f"<li>{escape(words.sentence(check))}</li>" for check in checks[:LISTED_CHECKS]]
    if len(checks) > LISTED_CHECKS:
        shown.append(f"<li>… and {len(checks) - LISTED_CHECKS} more.</li>")
    return ["<h3>What should be so and is not</h3>", "<ul>", *shown, "</ul>"]


def _list_differences(facts: Facts) -> list[str]:
    differences = facts.health.differences
    if not differences:
        return ["<p>The systems agree with each other in everything that is compared.</p>"]
    rows = [
        [
            escape(words.name(each.name)),
            f"{each.differing:,}",
            f"{each.compared:,}",
            escape(words.money(each.largest, facts.currency, 2)),
        ]
        for each in differences
    ]
    head = ["Compared", "differ", "of", "at most by"]
    return ["<h3>Where systems disagree</h3>", table("Largest shares first.", head, rows)]
