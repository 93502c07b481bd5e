"""What was sold: the day compared with others, ninety days as a chart, channels and regions."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from html import escape

from c360_dagster import words
from c360_dagster.daily_report.drawing import draw_days
from c360_dagster.daily_report.facts import DAY, WEEK, YEAR, Facts, Part, Sales
from c360_dagster.daily_report.sections.elements import mark, money, table

LISTED_PARTS = 8
MEAN_DAYS = 7


def show_day(facts: Facts) -> list[str]:
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
        beside = f"({words.short_day(day, facts.as_of)}: {escape(show(then))})"
        rows.append(
            f"<li>{mark(words.change(now, then))} against {name} "
            f'<span class="soft">{beside}</span></li>'
        )
    return (
        f'<div class="card"><h3>{title}</h3><p class="big">{escape(show(now))}</p>'
        f"<ul>{''.join(rows)}</ul></div>"
    )


def name_days(count: int) -> str:
    return "The first day" if count == 1 else f"The last {count} days"


def show_chart(facts: Facts) -> list[str]:
    days = facts.shown
    if not days:
        return ["<p>There are no completed orders yet.</p>"]
    bars = [(facts.sold(day) or Sales()).revenue for day in days]
    line = [_mean(facts, day) for day in days]
    before = [_mean(facts, day - YEAR) for day in days]
    most = max([*bars, *(value for value in (*line, *before) if value is not None)])
    best = days[bars.index(max(bars))]
    total = sum(bars, Decimal(0))
    text = f"Revenue of {money(facts, total)} in all; the best day was {words.day(best)} with "
    text += f"{money(facts, max(bars))}."
    if change := words.change(line[-1], before[-1]):
        text += f" The last seven days against those a year before: {change}."
    legend = '<span class="key bar"></span>revenue of the day'
    legend += '<span class="key"></span>mean of seven days'
    if any(value is not None for value in before):
        legend += '<span class="key dashed"></span>the same a year before'
    ends = "".join(
        f"<span>{words.short_day(day, facts.as_of)}</span>"
        for day in dict.fromkeys((days[0], days[len(days) // 2], days[-1]))
    )
    return [
        f"<p>{escape(text)}</p>",
        f'<figure><div class="plot" role="img" aria-label="Revenue by day. {escape(text)}">',
        draw_days(bars, line, before, most),
        f'<span class="most">{escape(words.short(most, facts.currency))}</span></div>',
        f'<div class="days">{ends}</div>',
        f"<figcaption>{legend}</figcaption></figure>",
    ]


def _mean(facts: Facts, day: date) -> Decimal | None:
    """The mean revenue of the seven days that end on this day; None if the data begin later."""
    week = [facts.sold(day - DAY * back) for back in range(MEAN_DAYS)]
    known = [sales.revenue for sales in week if sales is not None]
    return sum(known, Decimal(0)) / MEAN_DAYS if len(known) == MEAN_DAYS else None


def show_parts(facts: Facts, parts: Sequence[Part], what: str) -> list[str]:
    sold = [part for part in _shorten(parts) if part.week or part.week_before]
    if not sold:
        return ["<p>Nothing was sold in these two weeks.</p>"]
    has_year = facts.sold(facts.as_of - YEAR - DAY * (MEAN_DAYS - 1)) is not None
    # Channels are in lower case in gold. Regions are as the files write them: with a capital, a
    # country written `germany` and `Germany` would be two rows of one name.
    label = words.name if what == "channel" else str
    rows = [
        [
            escape(label(part.name)),
            escape(words.short(part.day, facts.currency)),
            escape(words.short(part.week, facts.currency)),
            mark(words.brief_change(part.week, part.week_before)),
            *([mark(words.brief_change(part.week, part.year_before))] if has_year else []),
        ]
        for part in sold
    ]
    head = [words.name(what), "the day", "7 days", "vs 7 before"]
    head += ["vs last year"] if has_year else []
    return [table(f"Revenue by {what}: the day, and the seven days that end with it.", head, rows)]


def _shorten(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Keeps the largest parts, and adds up all others in one row."""
    if len(parts) <= LISTED_PARTS + 1:
        return tuple(parts)
    rest = parts[LISTED_PARTS:]
    others = Part(
        f"{len(rest)} others",
        *(
            sum((getattr(part, name) for part in rest), Decimal(0))
            for name in ("day", "week", "week_before", "year_before")
        ),
    )
    return (*parts[:LISTED_PARTS], others)
