"""A day's report as one HTML page: it needs no server, no script and no network.

Whatever comes from data passes through `_text`; nobody is named, customers stand by their id.
"""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from html import escape

from c360_dagster.daily_report import words
from c360_dagster.daily_report.drawing import draw_days
from c360_dagster.daily_report.facts import (
    DAY,
    SHOWN_DAYS,
    WEEK,
    YEAR,
    Facts,
    Leaving,
    Part,
    Persona,
    Said,
    Sales,
    Service,
)
from c360_dagster.daily_report.said import Restated, restate
from c360_dagster.daily_report.style import STYLE

LISTED_REGIONS = 8
LISTED_RESTATED = 5
LISTED_CHECKS = 12
MEAN_DAYS = 7
FIRST_REPORT = (
    "This is the first report that is kept here. From the next one on, this part tells what "
    "changed, also where rows that came late changed a day that was already reported."
)
# Even if something slipped through unescaped, no browser would run or fetch it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_text = escape


def write_page(facts: Facts, said: Said | None) -> str:
    """`said` is what the last report of an earlier day said, where there was one."""
    sections = [
        _write_head(facts),
        _section("The day", _show_day(facts)),
        _section("What changed since the last report", _show_changes(facts, said)),
        _section(_name_days(len(facts.shown) or SHOWN_DAYS), _show_chart(facts)),
        _section("By channel", _show_parts(facts, facts.channels, "channel")),
        _section("By region", _show_parts(facts, _shorten(facts.regions), "region")),
        _section("Personas", _show_personas(facts, said)),
        _section("Valuable and leaving", _show_leaving(facts, said)),
        _section("Deliveries and the help desk", _show_service(facts)),
        _section("Can the numbers be trusted?", _show_health(facts, said)),
        _write_foot(facts),
    ]
    title = f"Customer 360, {words.day(facts.as_of)}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def _section(title: str, parts: Sequence[str]) -> str:
    return "\n".join(["<section>", f"<h2>{_text(title)}</h2>", *parts, "</section>"])


def _write_head(facts: Facts) -> str:
    today = facts.sold(facts.as_of) or Sales()
    a_week_ago = facts.sold(facts.as_of - WEEK)
    lead = f"Revenue of {_money(facts, today.revenue)} from {words.count(today.orders, 'order')}"
    against = words.change(today.revenue, a_week_ago.revenue) if a_week_ago else None
    lead += f", {against} against the {facts.as_of - WEEK:%A} before." if against else "."
    if not today.orders:
        lead = "No completed order is known of this day yet."
    return (
        f'<header><p class="soft">Customer 360 · daily report</p>'
        f'<h1><time datetime="{facts.as_of}">{words.long_day(facts.as_of)}</time></h1>'
        f'<p class="lead">{_text(lead)}</p></header>'
    )


def _show_day(facts: Facts) -> list[str]:
    def money(value: Decimal | None) -> str:
        return words.short(value, facts.currency)

    def whole(value: int) -> str:
        return f"{value:,}"

    cards = [
        _card(facts, "Revenue", lambda sales: sales.revenue, money),
        _card(facts, "Orders", lambda sales: sales.orders, whole),
        _card(facts, "Customers who bought", lambda sales: sales.customers, whole),
        _card(
            facts,
            "Average order value",
            lambda sales: sales.order_value,
            lambda value: words.money(value, facts.currency, 2),
        ),
    ]
    new = (
        f"{words.count(facts.joined, 'customer')} joined on this day, and "
        f"{words.count(facts.first_buyers, 'customer')} bought for the first time."
    )
    return ['<div class="cards">', *cards, "</div>", f"<p>{words.name(new)}</p>"]


def _card(
    facts: Facts, title: str, measure: Callable[[Sales], Decimal | int | None], show: Callable
) -> str:
    now = measure(facts.sold(facts.as_of) or Sales())
    compared = (
        ("the day before", facts.as_of - DAY),
        (f"{facts.as_of:%A} last week", facts.as_of - WEEK),
        (f"{facts.as_of:%A} last year", facts.as_of - YEAR),
    )
    rows = []
    for name, day in compared:
        sales = facts.sold(day)
        if sales is None:
            rows.append(f'<li class="soft">{name}: no data then</li>')
            continue
        then = measure(sales)
        beside = f"({words.short_day(day, facts.as_of)}: {_text(show(then))})"
        rows.append(
            f"<li>{_mark(words.change(now, then))} against {name} "
            f'<span class="soft">{beside}</span></li>'
        )
    return (
        f'<div class="card"><h3>{title}</h3><p class="big">{_text(show(now))}</p>'
        f"<ul>{''.join(rows)}</ul></div>"
    )


def _mark(change: str | None) -> str:
    """A change with its sign; colour only repeats what the sign says."""
    if change is None:
        return words.NOTHING
    kind = {"−": "down", "n": "same", "0": "same"}.get(change[0], "up")
    return f'<span class="{kind}">{change}</span>'


def _show_changes(facts: Facts, said: Said | None) -> list[str]:
    if said is None:
        return [f"<p>{FIRST_REPORT}</p>"]
    items = [*_tell_restated(facts, said), *_tell_since(facts, said)]
    return [
        f"<p>The last report was of {words.long_day(said.as_of)}.</p>",
        "<ul>",
        *(f"<li>{item}</li>" for item in items),
        "</ul>",
    ]


def _tell_restated(facts: Facts, said: Said) -> list[str]:
    """What was said of earlier days, against what is known of them now."""
    changed = restate(said, facts)
    if not changed:
        return ["What was said of earlier days still holds: no late row has changed any of them."]
    items = [_tell_day(facts, each) for each in changed[:LISTED_RESTATED]]
    more = changed[LISTED_RESTATED:]
    if more:
        by = sum((each.known.revenue - each.said.revenue for each in more), Decimal(0))
        items.append(
            f"{words.count(len(more), 'other day')} changed too, by "
            f"{_text(_signed(facts, by))} in all."
        )
    return items


def _tell_day(facts: Facts, each: Restated) -> str:
    return _text(
        f"For {words.day(each.day)} the report said {_money(facts, each.said.revenue, 2)} from "
        f"{words.count(each.said.orders, 'order')}; with the rows that came since it is "
        f"{_money(facts, each.known.revenue, 2)} from {words.count(each.known.orders, 'order')} "
        f"({_signed(facts, each.known.revenue - each.said.revenue)})."
    )


def _tell_since(facts: Facts, said: Said) -> list[str]:
    items = [f"Customers: {facts.customers:,}, {words.more(facts.customers, said.customers)}."]
    merges = sum(count for day, count in facts.merges.items() if day > said.as_of)
    if merges:
        items.append(
            f"Who is who changed {words.count(merges, 'time')}: records turned out to be one "
            "person, or two. Ids of before lead to those of today."
        )
    listed = {each.customer_id for each in facts.leaving}
    new, gone = len(listed - set(said.leaving)), len(set(said.leaving) - listed)
    if new or gone:
        items.append(f"Valuable and leaving: {new:,} new on the list, {gone:,} no longer on it.")
    tickets = facts.service.tickets_open
    items.append(f"Open tickets: {tickets:,}, {words.more(tickets, said.tickets_open)}.")
    rejected = facts.health.rows_rejected
    if rejected != said.rows_rejected:
        items.append(f"Rejected rows: {rejected:,}, {words.more(rejected, said.rows_rejected)}.")
    return items


def _name_days(count: int) -> str:
    return "The first day" if count == 1 else f"The last {count} days"


def _show_chart(facts: Facts) -> list[str]:
    days = facts.shown
    if not days:
        return ["<p>There are no completed orders yet.</p>"]
    bars = [(facts.sold(day) or Sales()).revenue for day in days]
    line = [_mean(facts, day) for day in days]
    before = [_mean(facts, day - YEAR) for day in days]
    most = max([*bars, *(value for value in (*line, *before) if value is not None)])
    best = days[bars.index(max(bars))]
    total = sum(bars, Decimal(0))
    told = f"Revenue of {_money(facts, total)} in all; the best day was {words.day(best)} with "
    told += f"{_money(facts, max(bars))}."
    if change := words.change(line[-1], before[-1]):
        told += f" The last seven days against those a year before: {change}."
    legend = '<span class="key bar"></span>revenue of the day'
    legend += '<span class="key"></span>mean of seven days'
    if any(value is not None for value in before):
        legend += '<span class="key dashed"></span>the same a year before'
    ends = "".join(
        f"<span>{words.short_day(day, facts.as_of)}</span>"
        for day in dict.fromkeys((days[0], days[len(days) // 2], days[-1]))
    )
    return [
        f"<p>{_text(told)}</p>",
        f'<figure><div class="plot" role="img" aria-label="Revenue by day. {_text(told)}">',
        draw_days(bars, line, before, most),
        f'<span class="most">{_text(words.short(most, facts.currency))}</span></div>',
        f'<div class="days">{ends}</div>',
        f"<figcaption>{legend}</figcaption></figure>",
    ]


def _mean(facts: Facts, day: date) -> Decimal | None:
    """Of the seven days that end there; None where the data begin later."""
    week = [facts.sold(day - DAY * back) for back in range(MEAN_DAYS)]
    known = [sales.revenue for sales in week if sales is not None]
    return sum(known, Decimal(0)) / MEAN_DAYS if len(known) == MEAN_DAYS else None


def _shorten(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The largest ones, and all others in one row."""
    if len(parts) <= LISTED_REGIONS + 1:
        return tuple(parts)
    rest = parts[LISTED_REGIONS:]
    others = Part(
        f"{len(rest)} others",
        *(
            sum((getattr(part, name) for part in rest), Decimal(0))
            for name in ("day", "week", "week_before", "year_before")
        ),
    )
    return (*parts[:LISTED_REGIONS], others)


def _show_parts(facts: Facts, parts: Sequence[Part], what: str) -> list[str]:
    sold = [part for part in parts if part.week or part.week_before]
    if not sold:
        return ["<p>Nothing was sold in these two weeks.</p>"]
    has_year = facts.sold(facts.as_of - YEAR - DAY * (MEAN_DAYS - 1)) is not None
    rows = [
        [
            _text(words.name(part.name)),
            _text(words.short(part.day, facts.currency)),
            _text(words.short(part.week, facts.currency)),
            _mark(words.brief_change(part.week, part.week_before)),
            *([_mark(words.brief_change(part.week, part.year_before))] if has_year else []),
        ]
        for part in sold
    ]
    head = [words.name(what), "the day", "7 days", "vs 7 before"]
    head += ["vs last year"] if has_year else []
    return [_table(f"Revenue by {what}: the day, and the seven days that end with it.", head, rows)]


def _show_personas(facts: Facts, said: Said | None) -> list[str]:
    if not facts.personas:
        return ["<p>There are no customers yet.</p>"]
    revenue = sum((persona.revenue for persona in facts.personas), Decimal(0))
    head = ["Persona", "people", *(["since last"] if said else []), "revenue", "risk"]
    rows = [_persona_row(persona, revenue, said) for persona in facts.personas]
    return [
        _table(
            (
                f"Revenue: the share of the last {SHOWN_DAYS} days. Risk: that no order comes in "
                "the twelve months ahead, on average."
            ),
            head,
            rows,
        ),
        *_tell_moves(facts),
    ]


def _persona_row(persona: Persona, revenue: Decimal, said: Said | None) -> list[str]:
    since = persona.customers - said.personas.get(persona.name, 0) if said else 0
    return [
        _text(persona.name),
        f"{persona.customers:,}",
        *([f"{since:+,}".replace("-", "−") if since else "0"] if said else []),
        words.percent(float(persona.revenue / revenue)) if revenue > 0 else words.NOTHING,
        words.percent(persona.churn_risk, 0),
    ]


def _tell_moves(facts: Facts) -> list[str]:
    if facts.moved_in is None:
        return []
    when = words.month(facts.moved_in)
    if not facts.moves:
        return [f"<p>Nobody changed persona in {when}.</p>"]
    moves = "".join(
        f"<li>{_text(move.before)} → {_text(move.after)}: {move.customers:,}</li>"
        for move in facts.moves
    )
    return [f"<p>The largest moves in {when}:</p><ul>{moves}</ul>"]


def _show_leaving(facts: Facts, said: Said | None) -> list[str]:
    if not facts.leaving:
        return ["<p>No customer has a risk of 30 % or more.</p>"]
    before = set(said.leaving) if said else None
    rows = [_leaving_row(facts, each, before) for each in facts.leaving]
    at_risk = _money(facts, facts.value_at_risk)
    head = ["Customer", "12-month value", "risk", "days silent"]
    lead = (
        f"Of all customers together, {at_risk} of the next twelve months' value is at risk. These "
        "have most of it; search for their ids in the dashboard to see why."
    )
    return [
        f"<p>{_text(lead)}</p>",
        _table("Value expected of each, and how likely no order comes.", head, rows),
    ]


def _leaving_row(facts: Facts, each: Leaving, before: set[str] | None) -> list[str]:
    is_new = before is not None and each.customer_id not in before
    about = [each.persona, *_tell_troubles(each)]
    return [
        _text(each.customer_id)
        + ('<span class="new">new</span>' if is_new else "")
        + f'<br><span class="soft">{_text(", ".join(filter(None, about)))}</span>',
        _text(words.short(each.clv_12m, facts.currency)),
        words.percent(each.churn_risk, 0),
        words.NOTHING if each.days_silent is None else f"{each.days_silent:,}",
    ]


def _tell_troubles(each: Leaving) -> list[str]:
    """What may have driven her away."""
    late, tickets = each.late_deliveries, each.tickets_open
    return [
        *([words.count(late, "late parcel")] if late else []),
        *([words.count(tickets, "open ticket")] if tickets else []),
    ]


def _show_service(facts: Facts) -> list[str]:
    service = facts.service
    return ["<ul>", *(f"<li>{item}</li>" for item in _tell_service(service)), "</ul>"]


def _tell_service(service: Service) -> list[str]:
    items = []
    if service.due:
        on_time = 1 - service.due_late / service.due
        told = (
            f"Of {words.count(service.due, 'parcel')} promised for the last seven days, "
            f"{service.due_late:,} came late or not yet: {words.percent(on_time)} on time"
        )
        if service.due_before:
            before = 1 - service.due_late_before / service.due_before
            told += f", {words.percent(before)} in the seven days before"
        items.append(told + ".")
    else:
        items.append("No parcel was promised for the last seven days.")
    if service.overdue:
        items.append(
            f"{words.count(service.overdue, 'parcel is', 'parcels are')} overdue and still on "
            "the way."
        )
    told = f"{words.name(words.count(service.tickets_open, 'ticket is', 'tickets are'))} open"
    if service.tickets_urgent:
        told += f", {service.tickets_urgent:,} of them urgent or of high priority"
    if service.oldest_open:
        told += f"; the oldest since {words.day(service.oldest_open)}"
    items.append(told + ".")
    items.append(
        f"On this day {words.count(service.tickets_opened, 'ticket was', 'tickets were')} opened "
        f"and {service.tickets_resolved:,} resolved."
    )
    return items


def _show_health(facts: Facts, said: Said | None) -> list[str]:
    health = facts.health
    new = max(0, health.rows_rejected - said.rows_rejected) if said else 0
    rejected = (
        f"{health.rows_rejected:,} of {health.rows_loaded + health.rows_rejected:,} rows could "
        f"not be read{f', {new:,} of them since the last report' if new else ''}; "
        f"{words.count(health.cells_unreadable, 'cell was', 'cells were')} left empty."
    )
    items = [rejected, *(f"Not loaded: {_text(message)}" for message in health.refused)]
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
        return ["<p>Every check passed.</p>"]
    shown = [f"<li>{_text(words.name(check))}</li>" for check in checks[:LISTED_CHECKS]]
    if len(checks) > LISTED_CHECKS:
        shown.append(f"<li>… and {len(checks) - LISTED_CHECKS} more.</li>")
    return ["<h3>Checks that found something</h3>", "<ul>", *shown, "</ul>"]


def _list_differences(facts: Facts) -> list[str]:
    differences = facts.health.differences
    if not differences:
        return ["<p>The systems agree with each other in everything that is compared.</p>"]
    rows = [
        [
            _text(words.name(each.name)),
            f"{each.differing:,}",
            f"{each.compared:,}",
            _text(words.money(each.largest, facts.currency, 2)),
        ]
        for each in differences
    ]
    head = ["Compared", "differ", "of", "at most by"]
    return ["<h3>Where systems disagree</h3>", _table("Largest shares first.", head, rows)]


def _write_foot(facts: Facts) -> str:
    published = (
        f"Published on {words.day(facts.published_at)}, {facts.published_at:%H:%M}, by run "
        if facts.published_at
        else "Published by run "
    )
    return (
        f'<footer class="soft"><p>As of {words.day(facts.as_of)}: events up to that day, as the '
        f"files known by then told them. {published}{_text(facts.run_id)}.</p>"
        "<p>Revenue: completed orders, before tax, after discounts, returns subtracted. Last week "
        "and last year: the same weekday, 7 and 364 days earlier. A region is the state where the "
        "customer lives; where none is known, the store's. Nobody is named here; "
        "<code>make dashboard</code> shows more.</p></footer>"
    )


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML already."""
    titles = "".join(f'<th scope="col">{_text(title)}</th>' for title in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
        for first, *cells in rows
    )
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{_text(caption)}"><table>'
        f"<caption>{_text(caption)}</caption>"
        f"<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _money(facts: Facts, value: Decimal, places: int = 0) -> str:
    return words.money(value, facts.currency, places)


def _signed(facts: Facts, value: Decimal) -> str:
    sign = "+" if value > 0 else ""
    return sign + words.money(value, facts.currency, 2)
