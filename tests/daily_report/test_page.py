"""The page says what is known, can be read by everybody, and lets no data become markup."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser

from c360_dagster.daily_report.facts import (
    DAY,
    Difference,
    Facts,
    Leaving,
    Part,
    Sales,
    Service,
    take_figures,
)
from c360_dagster.daily_report.page import write_page
from tests.dashboard.small_snapshot import AS_OF, HOSTILE


class Outline(HTMLParser):
    """Collects a page's tags and checks that each one is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read_outline(page: str) -> Outline:
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    return outline


PAGE = """
Tuesday, 30 June 2026 Revenue of $180 from 3 orders, ×3.0 against the Tuesday before.
The day Revenue $180 +80.0 % against the day before (29 Jun: $100)
×3.0 against Tuesday last week (23 Jun: $60)
+50.0 % against Tuesday last year (1 Jul 2025: $120) Orders 3

Average order value $60.00 −40.0 % against the day before (29 Jun: $100.00)

1 customer joined on this day, and 1 customer bought for the first time.

The last report was of Friday, 1 May 2026. The figures reported for earlier days still hold

Customers: 3, 1 more. Who is who changed 1 time: records

Valuable and leaving: 1 new on the list, 1 no longer on it.
Open tickets: 2, 2 fewer. Rejected rows: 5, 2 more. The last 90 days
Revenue of $469 in all; the best day was Tue 30 Jun 2026 with $180.
The last seven days against those a year before: +48.9 %. $180 2 Apr 17 May 30 Jun

7 days vs 7 before vs last year Store $130 $230 – +22 % Online $50 $50 −23 % – By region

vs last year CA $150 $250 – ×4.2 TX $30 $30 – – NY $0 $0 −100 % −100 % Personas

people since last revenue risk Engaged Regulars 1 +1 71.6 % 30 %
Premium but At-Risk 1 0 28.4 % 80 % No purchase yet 1 0 0.0 % 100 %

The value at risk (expected value times risk) is $200 for all customers together.
These customers have the most of it, among those with a risk of 30 % or more;

days silent C1 new Engaged Regulars $400 30 % 1 C2 Premium but At-Risk $100 80 % 60

Of 3 parcels promised for the last seven days, 2 came late or have not come yet:
33.3 % on time, 50.0 % in the seven days before. 3 parcels are overdue and still on the way.
2 tickets are open, 1 of them
urgent or of high priority; the oldest since Wed 10 Jun 2026. On this day 2 tickets were opened
and 1 resolved.

5 of 112 rows could not be read, 2 of them since the last report; 5 cells were left empty.
Not loaded: b.csv: <b>no</b> header No pair of records waits for a decision.
What should be so and is not Every id is known: 2 findings. Lifts are found: Half of them. Where

at most by Lines vs orders 1 2 $5.00 Order total vs its parts 2 8 –

Published on Wed 1 Jul 2026, 06:00, by run run-one.
"""
PAGE_WITH_LITTLE_DATA = """
No completed order is known for this day yet.

Average order value – – against the day before (29 Jun: $5.00) Tuesday last week: no data then

The last 2 days Revenue of $5 in all; the best day was Mon 29 Jun 2026 with $5. $5 29 Jun 30 Jun
revenue of the day mean of seven days By channel

the day 7 days vs 7 before Store

people since last revenue risk No purchase yet 1 0 – 100 % Nobody changed persona in June 2026.

C2 Premium but At-Risk, 1 late parcel, 2 open tickets $100 80 % –

No parcel was promised for the last seven days. No tickets are open. On this day no tickets were
opened and none resolved.

0 of 107 rows could not be read; 5 cells

1 pair of records waits for a person to decide. The tests of the data and of the models all passed.
The systems agree

Published by run run-one.
"""
"""What the page says of a retailer with two days of data, without parcels, tickets or findings."""


def read_text(page: str) -> str:
    body = re.sub(r"<svg.*?</svg>", "", page.partition("<body>")[2])
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_page_says_what_is_known(facts: Facts) -> None:
    """The last report is two months old; C1 was not on its list, and more tickets were open."""
    before = replace(
        facts,
        as_of=date(2026, 5, 1),
        customers=2,
        personas=facts.personas[1:],
        leaving=(facts.leaving[1], replace(facts.leaving[1], customer_id="C9")),
        service=replace(facts.service, tickets_open=4),
        health=replace(facts.health, rows_rejected=3),
    )
    page = write_page(facts, take_figures(before))
    for kind, change in (("up", "+80.0 %"), ("down", "−40.0 %"), ("same", "no change")):
        assert f'<span class="{kind}">{change}</span>' in page
    text = read_text(page)
    for said in PAGE.split("\n\n"):
        assert " ".join(said.split()) in text


def test_missing_facts_are_named_or_left_out(facts: Facts) -> None:
    nothing = replace(
        facts,
        sales={facts.as_of - DAY: Sales(Decimal(5), 1, 1)},
        first_day=facts.as_of - DAY,
        published_at=None,
        moved_in="2026-06",
        personas=facts.personas[2:],
        leaving=(replace(facts.leaving[1], days_silent=None, late_deliveries=1, tickets_open=2),),
        service=Service(0, 0, 0, 0, 0, 0, 0, 0, 0, None),
        health=replace(facts.health, rows_rejected=0, checks=(), differences=(), to_decide=1),
    )
    text = read_text(write_page(nothing, take_figures(facts)))
    for said in PAGE_WITH_LITTLE_DATA.split("\n\n"):
        assert " ".join(said.split()) in text


def test_a_week_with_negative_revenue_is_not_compared_with(facts: Facts) -> None:
    returned = facts.sales | {AS_OF - DAY * 364: Sales(Decimal(-500), 1, 1)}
    text = read_text(write_page(replace(facts, sales=returned), None))
    assert "with $180. $180 2 Apr" in text
    assert "the same a year before By channel" in text


def test_long_lists_end_with_what_they_leave_out(facts: Facts) -> None:
    region = Part("R", *map(Decimal, (1, 2, 3, 4)))
    checks = tuple(f"c{number}" for number in range(13))
    said = replace(
        take_figures(facts),
        sales={AS_OF - DAY * back: Sales(Decimal(10), 1, 1) for back in range(12, 19)},
    )
    many = replace(facts, regions=(region,) * 10, health=replace(facts.health, checks=checks))
    text = read_text(write_page(many, said))
    assert "R $1 $2 −33 % −50 % 2 others $2 $4 −33 % −50 % Personas" in text
    assert "C11 … and 1 more. Where" in text
    assert "2 other days changed too, by −$20.00 in all." in text
    few = replace(facts, regions=(region,) * 9, health=replace(facts.health, checks=checks[:12]))
    text = read_text(write_page(few, replace(said, sales=dict(list(said.sales.items())[:5]))))
    assert "others" not in text
    assert "more. Where" not in text
    assert "changed too" not in text


def test_regions_that_the_files_write_differently_do_not_look_the_same(facts: Facts) -> None:
    one, other = (Part(name, *[Decimal(1)] * 4) for name in ("germany", "Germany"))
    text = read_text(write_page(replace(facts, regions=(one, other)), None))
    assert re.findall("germany|Germany", text) == ["germany", "Germany"]


def test_a_check_that_names_a_file_names_it_as_it_is_called(facts: Facts) -> None:
    health = replace(facts.health, checks=("each word is in order_status.csv: 1 finding.",))
    text = read_text(write_page(replace(facts, health=health), None))
    assert "Each word is in order_status.csv: 1 finding." in text


def test_the_page_needs_no_other_file_and_suits_screen_readers(facts: Facts) -> None:
    page = write_page(facts, take_figures(replace(facts, as_of=AS_OF - DAY)))
    outline = read_outline(page)
    tags = {tag for tag, _ in outline.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "form"}
    assert not re.search(r"https?:|url\(|@import", page)
    headings = [tag for tag, _ in outline.tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == "h1"
    assert headings.count("h1") == 1
    tables = [tag for tag, _ in outline.tags if tag in {"table", "caption"}]
    assert tables == ["table", "caption"] * (len(tables) // 2)
    assert all(attrs.get("scope") for tag, attrs in outline.tags if tag == "th")
    pictures = [attrs for _, attrs in outline.tags if attrs.get("role") == "img"]
    assert "the best day was Tue 30 Jun 2026 with $180" in str(pictures[0]["aria-label"])
    assert "prefers-color-scheme: dark" in page


def test_nothing_of_the_data_becomes_markup_and_nobody_is_named(facts: Facts) -> None:
    page = write_page(facts, None)
    assert "since the last report" not in read_text(page).partition("Can the numbers")[2]
    assert "b.csv: &lt;b&gt;no&lt;/b&gt; header" in page
    for personal in ("Ana", "Bérg", "example.com", "4915550101", "Cole", "Aville"):
        assert personal not in page
    nasty = replace(
        facts,
        currency=HOSTILE,
        run_id=HOSTILE,
        channels=(Part(HOSTILE, *[Decimal(1)] * 4),),
        regions=(Part(HOSTILE, *[Decimal(1)] * 4),),
        personas=tuple(replace(each, name=HOSTILE) for each in facts.personas),
        leaving=(Leaving(HOSTILE, HOSTILE, Decimal(5), 0.5, 3, 1, 1),),
        health=replace(
            facts.health,
            checks=(HOSTILE,),
            differences=(Difference(HOSTILE, 2, 1, Decimal(1)),),
        ),
    )
    tags = {tag for tag, _ in read_outline(write_page(nasty, None)).tags}
    assert not tags & {"script", "b"}


def test_the_first_day_is_called_so_and_named_once(facts: Facts) -> None:
    page = write_page(replace(facts, first_day=AS_OF), None)
    assert "<h2>The first day</h2>" in page
    assert "Revenue of $180 from 3 orders.</p>" in page
    assert '<div class="days"><span>30 Jun</span></div>' in page


def test_last_year_has_a_column_where_all_of_its_week_is_known(facts: Facts) -> None:
    for back, is_there in ((370, True), (369, False)):
        page = write_page(replace(facts, first_day=AS_OF - DAY * back), None)
        assert ("vs last year" in page) is is_there


def test_a_retailer_without_orders_gets_a_page(facts: Facts) -> None:
    empty = replace(
        facts, sales={}, first_day=None, channels=(), regions=(), personas=(), leaving=()
    )
    page = write_page(empty, None)
    read_outline(page)
    assert "The last 90 days</h2>\n<p>There are no completed orders yet." in page
    assert "no data then" in page
    assert "Nobody who is expected to spend anything has a risk of 30 % or more." in page
