"""The day's report on rows worked by hand: right numbers, said and known, safe, alike each time."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from c360_dagster.assets.daily_report import READS, build_daily_report
from c360_dagster.daily_report import words
from c360_dagster.daily_report.drawing import draw_days
from c360_dagster.daily_report.facts import (
    Difference,
    Facts,
    Leaving,
    Part,
    Persona,
    Sales,
    Service,
    keep,
)
from c360_dagster.daily_report.gather import gather
from c360_dagster.daily_report.page import write_page
from c360_dagster.daily_report.said import SaidError, read_said, restate, write_said
from c360_dagster.loading.schema import create_bronze
from c360_dagster.resources.dbt_project import read_manifest
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import Settings, read_settings
from tests.dashboard.small_snapshot import AS_OF, HOSTILE, order, rows, write_snapshot

DAY = timedelta(days=1)
TODAY = [
    order("T1", "C1", "2026-06-30", "store", 100),
    order("T2", "C1", "2026-06-30", "online", 50),
    order("T3", None, "2026-06-30", "store", 30),
    order("T4", "C2", "2026-06-23", "online", 60),  # the Tuesday before
    order("T5", "C2", "2025-07-01", "store", 120),  # the Tuesday of last year
    order("T6", "C2", "2026-06-30", "online", 999, is_counted=False, order_status="cancelled"),
]
EDGES = [
    order("E1", "C2", "2026-06-17", "online", 5),  # the first day of the week before
    order("E2", "C2", "2026-06-16", "online", 7),  # and what lies behind it
    order("E3", "C2", "2025-06-25", "store", 8),  # the same of last year
    order("E4", "C2", "2025-06-24", "store", 9),
    order("E5", "C2", "2026-04-02", "store", 17),  # the same of the ninety days
    order("E6", "C2", "2026-04-01", "store", 13),
    order("E7", "C2", "2025-03-28", "store", 11),  # the first that the mean of last year needs
]
PARCELS = [
    ("arrived in time", "2026-06-24", "delivered", False),
    ("under way", "2026-06-29", "in_transit", True),
    ("due today", "2026-06-30", "in_transit", False),  # and not there yet: who knows
    ("lost", "2026-06-25", "lost", True),
    ("returned", "2026-06-28", "returned", None),
    ("in time before", "2026-06-23", "delivered", False),
    ("late before", "2026-06-17", "delivered", True),
    ("of no status", "2026-06-16", None, True),
    ("two months late", "2026-05-01", "delayed", True),
    ("later than that", "2026-04-30", "delayed", True),
    ("sent after the day", "2026-06-28", "in_transit", True),
]
TICKETS = [
    ("K2", "high", True, "2026-06-30 10:00:00", None),
    ("K3", "low", True, "2026-06-10 10:00:00", None),
    ("K4", "urgent", False, "2026-06-30 11:00:00", "2026-06-30 12:00:00"),
    ("K5", "urgent", False, "2026-06-29 11:00:00", "2026-06-29 12:00:00"),
]
MOVES = """
    create or replace table gold.segment_migrations as
    select * from (values
        ('2026-05', 'C1', 'Occasional Premiums', 'Engaged Regulars'),
        ('2026-05', 'C2', 'Occasional Premiums', 'Occasional Premiums'),
        ('2026-05', 'C4', 'Premium but At-Risk', 'Engaged Regulars'),
        ('2026-05', 'C5', 'Premium but At-Risk', 'Engaged Regulars'),
        ('2026-05', 'C6', null, 'Engaged Regulars'),
        ('2026-04', 'C3', null, 'No purchase yet')
    ) as moves (month, customer_id, persona_before, persona_after)
"""


def write_warehouse(path: Path) -> None:
    given = rows()
    given["fct_orders"] = given["fct_orders"] + TODAY + EDGES
    given["fct_shipments"] = [
        {
            "shipment_id": name,
            "estimated_delivery_date": due,
            "delivery_status": status,
            "is_delivered": status == "delivered",
            "is_late": is_late,
            "is_after_as_of": name == "sent after the day",
        }
        for name, due, status, is_late in PARCELS
    ]
    given["fct_support_tickets"] += [
        {
            "ticket_id": name,
            "priority": priority,
            "is_open": is_open,
            "is_after_as_of": False,
            "created_at": created,
            "resolved_at": resolved,
        }
        for name, priority, is_open, created, resolved in TICKETS
    ]
    for table, name, days in (
        ("dim_customers", "registered_at", ("2026-06-30 23:00", *["2026-06-29 23:00"] * 2)),
        ("mart_customer_360", "first_order_date", ("2026-06-30", *["2025-01-02"] * 2)),
    ):
        for row, day in zip(given[table], days, strict=True):
            row[name] = day
    given["mart_customer_360"][0] |= {"churn_risk": 0.3, "late_deliveries": None}
    given["reconciliation"] += [
        {"check_name": "lines vs orders", "compared": 2, "differing": 1, "largest_difference": 5},
        {"check_name": "prices", "compared": 9, "differing": 0},
    ]
    write_snapshot(path.parent / "made", given)
    (path.parent / "made" / "c360.duckdb").replace(path)
    with duckdb.connect(str(path)) as con:
        create_bronze(con, [])
        con.execute(
            "insert into bronze.load_log (path, status, message, rows_loaded, rows_rejected, "
            "cells_unreadable) values ('a.csv', 'loaded', null, 97, 3, 1), "
            "('c.csv', 'loaded', null, 10, 2, 4), "
            "('b.csv', 'refused', 'b.csv: <b>no</b> header', 0, 0, 0), "
            "('gone.csv', 'refused', 'gone.csv: no header', 0, 0, 0)"
        )
        con.execute("create schema test_failures")
        con.execute("create table test_failures.ids_are_known as select 1 as id from range(2)")
        con.execute("create table test_failures.nothing_wrong (id integer)")
        con.execute("create schema science")
        con.execute(
            "create table science.campaign_evaluation as select 'lifts_are_found' as check_name, "
            "false as is_passed, 'Half of them.' as said, 'share' as measure, 0.5 as value"
        )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    write_warehouse(home / "warehouse.duckdb")
    (home / "landing").mkdir()
    (home / "landing" / "b.csv").touch()
    return home


@pytest.fixture(scope="module")
def facts(home: Path) -> Facts:
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        checks = {"ids_are_known": "Every id is known."}
        return gather(con, checks, lambda path: path == "b.csv")


def test_a_day_is_its_completed_orders(facts: Facts) -> None:
    assert facts.sold(AS_OF) == Sales(Decimal(180), 3, 1)  # a guest is no customer
    assert (facts.sold(AS_OF) or Sales()).order_value == 60
    assert facts.sold(AS_OF - DAY * 7) == Sales(Decimal(60), 1, 1)
    assert facts.sold(AS_OF - DAY * 364) == Sales(Decimal(120), 1, 1)
    assert facts.sold(AS_OF - DAY * 2) == Sales()
    assert facts.sold(date(2025, 1, 1)) is None  # before the data
    assert facts.sold(AS_OF - DAY * 459) == Sales(Decimal(11), 1, 1)
    assert (facts.joined, facts.first_buyers) == (1, 1)


def test_channels_and_regions_add_up_to_the_day_and_the_week(facts: Facts) -> None:
    assert facts.channels == (
        Part("store", Decimal(130), Decimal(230), Decimal(0), Decimal(188)),
        Part("online", Decimal(50), Decimal(50), Decimal(65), Decimal(0)),
    )
    # C1 lives in CA, the guest bought in a store in TX, C2 lives in NY
    assert {part.name: part.day for part in facts.regions} == {"CA": 150, "TX": 30, "NY": 0}


def test_personas_are_told_with_what_ninety_days_brought(facts: Facts) -> None:
    assert facts.personas == (
        Persona("Engaged Regulars", 1, Decimal(300), 0.3),
        Persona("Premium but At-Risk", 1, Decimal(119), 0.8),
        Persona("No purchase yet", 1, Decimal(0), 1),
    )


def test_who_has_most_to_lose_is_first(facts: Facts) -> None:
    """C1's 400 at 0.3 before C2's 100 at 0.8; C3 is worth nothing."""
    assert facts.value_at_risk == 200
    assert facts.leaving == (
        Leaving("C1", "Engaged Regulars", Decimal(400), 0.3, 1, 0, 0),
        Leaving("C2", "Premium but At-Risk", Decimal(100), 0.8, 60, 0, 0),
    )


def test_service_and_health_are_counted(facts: Facts) -> None:
    service, health = facts.service, facts.health
    assert (service.due, service.due_late, service.overdue) == (3, 2, 3)
    assert (service.due_before, service.due_late_before) == (2, 1)
    assert (service.tickets_open, service.tickets_urgent) == (2, 1)
    assert (service.tickets_opened, service.tickets_resolved) == (2, 1)
    assert service.oldest_open == date(2026, 6, 10)
    assert (health.rows_loaded, health.rows_rejected, health.cells_unreadable) == (107, 5, 5)
    assert health.refused == ("b.csv: <b>no</b> header",)  # the other one is gone from landing
    assert health.checks == ("Every id is known: 2 findings.", "lifts are found: Half of them.")
    assert health.differences == (
        Difference("lines vs orders", 2, 1, Decimal(5)),
        Difference("order total vs its parts", 8, 2, None),
    )


def test_moves_between_personas_are_told_where_their_history_is_kept(
    home: Path, facts: Facts, tmp_path: Path
) -> None:
    assert facts.moved_in is None
    assert "largest moves" not in write_page(facts, None)
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes((home / "warehouse.duckdb").read_bytes())
    with duckdb.connect(str(copy)) as con:
        con.execute(MOVES)
        moved = gather(con, {}, lambda _: False)
    assert moved.moved_in == "2026-05"
    assert [(each.before, each.customers) for each in moved.moves] == [
        ("Premium but At-Risk", 2),
        ("Occasional Premiums", 1),
        ("unknown", 1),
    ]
    page = write_page(moved, None)
    assert "The largest moves in May 2026" in page
    assert "Occasional Premiums → Engaged Regulars: 1" in page


def test_what_was_said_is_kept_and_read_again(facts: Facts) -> None:
    said = keep(facts)
    assert read_said(write_said(said)) == said
    assert restate(said, facts) == []
    for text in ("", "[]", "{}", write_said(said).replace('"100', '"x')):
        with pytest.raises(SaidError, match="it cannot be read: "):
            read_said(text)
    with pytest.raises(SaidError, match=r"^it has format 0, not 1$"):
        read_said(write_said(said).replace('"format": 1', '"format": 0'))


def test_a_late_row_shows_what_was_said_and_what_is_known(facts: Facts) -> None:
    yesterday = AS_OF - DAY
    before = replace(facts, as_of=yesterday, sales=facts.sales | {yesterday: Sales(Decimal(80), 1)})
    page = write_page(facts, keep(before))
    assert (
        "For Mon 29 Jun 2026 the report said $80.00 from 1 order; with the rows that came since "
        "it is $100.00 from 1 order (+$20.00)." in page
    )
    assert "still holds" not in page
    assert "still holds" in write_page(facts, keep(replace(facts, as_of=yesterday)))


def test_a_day_without_orders_that_got_some_is_restated(facts: Facts) -> None:
    said = keep(replace(facts, as_of=AS_OF - DAY, sales={}))
    told = {each.day: (each.said.orders, each.known.orders) for each in restate(said, facts)}
    assert told[AS_OF - DAY] == (0, 1)
    assert AS_OF not in told  # it was not told of


def test_of_an_old_report_are_restated_the_days_that_are_known(facts: Facts) -> None:
    """Of March there is an order, of two days ago there is none; further back nobody looks."""
    known, without = AS_OF - DAY * 100, AS_OF - DAY * 2
    sold = Sales(Decimal(1), 1, 1)
    said = replace(keep(facts), sales=dict.fromkeys((known, without, AS_OF - DAY * 600), sold))
    later = replace(facts, sales=facts.sales | {known: Sales(Decimal(2), 1, 1)})
    assert [each.day for each in restate(said, later)] == [without, known]


class Outline(HTMLParser):
    """What a page is made of, for whoever checks it."""

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


TOLD = """
Tuesday, 30 June 2026 Revenue of $180 from 3 orders, ×3.0 against the Tuesday before.
The day Revenue $180 +80.0 % against the day before (29 Jun: $100)
×3.0 against Tuesday last week (23 Jun: $60)
+50.0 % against Tuesday last year (1 Jul 2025: $120) Orders 3

Average order value $60.00 −40.0 % against the day before (29 Jun: $100.00)

1 customer joined on this day, and 1 customer bought for the first time.

The last report was of Friday, 1 May 2026. What was said of earlier days still holds

Customers: 3, 1 more. Who is who changed 1 time: records

Valuable and leaving: 1 new on the list, 1 no longer on it.
Open tickets: 2, 2 fewer. Rejected rows: 5, 2 more. The last 90 days
Revenue of $469 in all; the best day was Tue 30 Jun 2026 with $180.
The last seven days against those a year before: +48.9 %. $180 2 Apr 17 May 30 Jun

7 days vs 7 before vs last year Store $130 $230 – +22 % Online $50 $50 −23 % – By region

vs last year CA $150 $250 – ×4.2 TX $30 $30 – – NY $0 $0 −100 % −100 % Personas

people since last revenue risk Engaged Regulars 1 +1 71.6 % 30 %
Premium but At-Risk 1 0 28.4 % 80 % No purchase yet 1 0 0.0 % 100 %

Of all customers together, $200 of the next twelve months' value is at risk.

days silent C1 new Engaged Regulars $400 30 % 1 C2 Premium but At-Risk $100 80 % 60

Of 3 parcels promised for the last seven days, 2 came late or not yet: 33.3 % on time, 50.0 % in
the seven days before. 3 parcels are overdue and still on the way. 2 tickets are open, 1 of them
urgent or of high priority; the oldest since Wed 10 Jun 2026. On this day 2 tickets were opened
and 1 resolved.

5 of 112 rows could not be read, 2 of them since the last report; 5 cells were left empty.
Not loaded: b.csv: <b>no</b> header No pair of records waits for a decision.
Checks that found something Every id is known: 2 findings. Lifts are found: Half of them. Where

at most by Lines vs orders 1 2 $5.00 Order total vs its parts 2 8 –

Published on Wed 1 Jul 2026, 06:00, by run run-one.
"""
TOLD_OF_LITTLE = """
No completed order is known of this day yet.

Average order value – – against the day before (29 Jun: $5.00) Tuesday last week: no data then

The last 2 days Revenue of $5 in all; the best day was Mon 29 Jun 2026 with $5. $5 29 Jun 30 Jun
revenue of the day mean of seven days By channel

the day 7 days vs 7 before Store

people since last revenue risk No purchase yet 1 0 – 100 % Nobody changed persona in June 2026.

C2 Premium but At-Risk, 1 late parcel, 2 open tickets $100 80 % –

No parcel was promised for the last seven days. No tickets are open. On this day no tickets were
opened and 0 resolved.

0 of 107 rows could not be read; 5 cells

1 pair of records waits for a person to decide. Every check passed. The systems agree

Published by run run-one.
"""
"""Of two days, without a year before, parcels, tickets or findings."""


def read_text(page: str) -> str:
    body = re.sub(r"<svg.*?</svg>", "", page.partition("<body>")[2])
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_page_says_what_is_known(facts: Facts) -> None:
    """Beside a report of two months ago, when C1 was not leaving and there was more to do."""
    before = replace(
        facts,
        as_of=date(2026, 5, 1),
        customers=2,
        personas=facts.personas[1:],
        leaving=(facts.leaving[1], replace(facts.leaving[1], customer_id="C9")),
        service=replace(facts.service, tickets_open=4),
        health=replace(facts.health, rows_rejected=3),
    )
    page = write_page(facts, keep(before))
    for kind, change in (("up", "+80.0 %"), ("down", "−40.0 %"), ("same", "no change")):
        assert f'<span class="{kind}">{change}</span>' in page
    text = read_text(page)
    for said in TOLD.split("\n\n"):
        assert " ".join(said.split()) in text


def test_what_there_is_not_is_said_or_left_out(facts: Facts) -> None:
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
    text = read_text(write_page(nothing, keep(facts)))
    for said in TOLD_OF_LITTLE.split("\n\n"):
        assert " ".join(said.split()) in text


def test_against_a_week_in_which_more_was_given_back_nothing_is_said(facts: Facts) -> None:
    returned = facts.sales | {AS_OF - DAY * 364: Sales(Decimal(-500), 1, 1)}
    text = read_text(write_page(replace(facts, sales=returned), None))
    assert "with $180. $180 2 Apr" in text
    assert "the same a year before By channel" in text


def test_long_lists_end_with_what_they_leave_out(facts: Facts) -> None:
    region = Part("R", *map(Decimal, (1, 2, 3, 4)))
    checks = tuple(f"c{number}" for number in range(13))
    said = replace(
        keep(facts),
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


def test_bars_and_lines_are_as_high_as_their_amounts() -> None:
    """Three days, each a third of 900 wide; 100 is the whole height of 200, a return nothing."""
    bars, line = [Decimal(100), Decimal(50), Decimal(-10)], [None, Decimal(75), Decimal(50)]
    drawn = draw_days(bars, line, [None] * 3, Decimal(100))
    (path,) = re.findall(r'class="bars" d="([^"]*)"', drawn)
    assert path == (
        "M37.5 200v-200.0h225.0V200zM337.5 200v-100.0h225.0V200zM637.5 200v-0.0h225.0V200z"
    )
    assert '<path class="mean" d="M450.0 50.0L750.0 100.0"/>' in drawn
    assert 'class="before"' not in drawn
    assert "v-0.0h" in draw_days([Decimal(0)], [None], [None], Decimal(0))


def test_the_page_stands_alone_and_can_be_read_aloud(facts: Facts) -> None:
    page = write_page(facts, keep(replace(facts, as_of=AS_OF - DAY)))
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


@pytest.mark.parametrize(
    ("now", "before", "long", "brief"),
    [
        (Decimal(105), Decimal(100), "+5.0 %", "+5 %"),
        (95, 100, "−5.0 %", "−5 %"),
        (100, 100, "no change", "0 %"),
        (99.96, 100, "no change", "0 %"),
        (Decimal(420), Decimal(100), "×4.2", "×4.2"),
        (5, 0, None, None),
        (5, Decimal(-3), None, None),
        (None, 5, None, None),
        (5, None, None, None),
        (299, 100, "+199.0 %", "+199 %"),
        (300, 100, "×3.0", "×3.0"),
        (9_990, 100, "×99.9", "×99.9"),
        (10_000, 100, "×100.0", "×100"),
    ],
)
def test_changes_are_written_for_people(
    now: words.Number | None, before: words.Number | None, long: str | None, brief: str | None
) -> None:
    assert words.change(now, before) == long
    assert words.brief_change(now, before) == brief


def test_amounts_are_written_for_people() -> None:
    assert words.money(Decimal("-1234.5"), "USD", 2) == "−$1,234.50"
    assert words.money(Decimal(10), "CHF") == "10 CHF"
    assert words.money(Decimal(0), "USD") == words.money(Decimal("-0.4"), "USD") == "$0"
    assert words.short(Decimal(1_234_567), "EUR") == "€1.23 M"
    assert [words.short(size, "USD") for size in (99_999, 100_000, 999_499, 999_500)] == [
        "$99,999",
        "$100 k",
        "$999 k",
        "$1.00 M",
    ]
    assert words.short(Decimal(-123_456), "USD") == "−$123 k"
    assert words.short(None, "USD") == words.money(None, "USD") == "–"
    assert [words.percent(part) for part in (None, -0.0001, 0.125)] == ["–", "0.0 %", "12.5 %"]
    assert [words.count(number, "order") for number in (0, 1, 1000)] == [
        "no orders",
        "1 order",
        "1,000 orders",
    ]
    assert (words.more(5, 3), words.more(3, 5), words.more(3, 3)) == (
        "2 more",
        "2 fewer",
        "as many",
    )


# The asset ------------------------------------------------------------------------------------


def test_the_graph_shows_each_table_of_gold_that_is_asked() -> None:
    asked = Path(gather.__code__.co_filename).read_text("utf-8")
    assert set(re.findall(r"\bgold\.([a-z0-9_]+)", asked)) == set(READS["gold"])


@pytest.fixture
def materialize(home: Path, tmp_path: Path) -> Callable[..., Settings]:
    """Writes the report of a day into a home of its own; returns the settings."""

    def write(as_of: date = AS_OF, late: str = "", **variables: str) -> Settings:
        settings = read_settings({"C360_HOME": str(tmp_path)} | variables)
        settings.warehouse.write_bytes((home / "warehouse.duckdb").read_bytes())
        with duckdb.connect(str(settings.warehouse)) as con:
            con.execute("update gold.publication set as_of_date = ?", [as_of])
            if late:
                con.execute(late)
        done = dg.materialize(
            [build_daily_report(settings, read_manifest())],
            resources={
                "lock": HomeLock(home=str(settings.home), timeout=5),
                "warehouse": Warehouse(
                    path=str(settings.warehouse),
                    timezone="UTC",
                    scratch=str(settings.scratch),
                    timeout=5,
                ),
            },
        )
        assert done.success
        return settings

    return write


def read_reports(settings: Settings) -> dict[str, str]:
    folder = settings.published / "reports"
    return {path.name: path.read_text("utf-8") for path in sorted(folder.iterdir())}


def test_the_same_day_again_gives_the_same_bytes(materialize: Callable[..., Settings]) -> None:
    materialize(AS_OF - DAY)
    first = read_reports(materialize())
    settings = materialize()
    assert read_reports(settings) == first
    assert sorted(first) == [
        f"2026-06-{day}.{kind}" for day in (29, 30) for kind in ("html", "json")
    ]
    newest = (settings.published / "report.html").read_text("utf-8")
    assert newest == first["2026-06-30.html"]
    assert "The last report was of Monday, 29 June 2026." in newest
    assert "This is the first report" in first["2026-06-29.html"]


def test_what_yesterdays_report_said_is_not_forgotten(
    materialize: Callable[..., Settings],
) -> None:
    materialize(AS_OF - DAY)
    late = "update gold.fct_orders set net_amount = 130 where order_id = 'O1'"
    settings = materialize(AS_OF, late)
    page = (settings.published / "report.html").read_text("utf-8")
    assert "said $100.00 from 1 order; with the rows that came since it is $130.00" in page


def test_a_broken_memory_is_passed_over(materialize: Callable[..., Settings]) -> None:
    settings = materialize(AS_OF - DAY)
    (settings.published / "reports" / "2026-06-29.json").write_text("{", "utf-8")
    materialize()
    assert "This is the first report" in read_reports(settings)["2026-06-30.html"]


def test_old_pages_go_and_the_one_compared_with_stays(materialize: Callable[..., Settings]) -> None:
    for day in (date(2026, 3, 1), date(2026, 4, 1), AS_OF):
        settings = materialize(day, C360_KEEP_DAYS="30")
    left = {name.split(".")[0] for name in read_reports(settings)}
    assert left == {"2026-04-01", "2026-06-30"}
