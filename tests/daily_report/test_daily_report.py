"""The day's report on rows worked by hand: right numbers, said and known, safe, alike each time."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from c360_dagster.assets.daily_report import READS, build_daily_report
from c360_dagster.daily_report import words
from c360_dagster.daily_report.facts import Difference, Facts, Leaving, Part, Sales, keep
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
MOVES = """
    create or replace table gold.segment_migrations as
    select * from (values
        ('2026-05', 'C1', 'Occasional Premiums', 'Engaged Regulars'),
        ('2026-05', 'C2', 'Occasional Premiums', 'Occasional Premiums'),
        ('2026-04', 'C3', null, 'No purchase yet')
    ) as moves (month, customer_id, persona_before, persona_after)
"""


def write_warehouse(path: Path) -> None:
    given = rows()
    given["fct_orders"] = given["fct_orders"] + TODAY
    given["fct_shipments"] = [
        row
        | {
            "delivery_status": status,
            "is_delivered": status == "delivered",
            "estimated_delivery_date": due,
        }
        for row, status, due in zip(
            given["fct_shipments"], ("delivered", "in_transit"), ("2026-06-24", "2026-06-29"),
            strict=True,
        )
    ]  # fmt: skip
    # due on the day itself, and not there yet: who knows
    given["fct_shipments"].append(
        given["fct_shipments"][1]
        | {"shipment_id": "S3", "is_late": False, "estimated_delivery_date": "2026-06-30"}
    )
    given["fct_support_tickets"] += [
        {
            "ticket_id": "K2",
            "priority": "high",
            "is_open": True,
            "is_after_as_of": False,
            "created_at": "2026-06-30 10:00:00",
        }
    ]
    write_snapshot(path.parent / "made", given)
    (path.parent / "made" / "c360.duckdb").replace(path)
    with duckdb.connect(str(path)) as con:
        create_bronze(con, [])
        con.execute(
            "insert into bronze.load_log (path, status, message, rows_loaded, rows_rejected, "
            "cells_unreadable) values ('a.csv', 'loaded', null, 97, 3, 1), "
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


def test_channels_and_regions_add_up_to_the_day_and_the_week(facts: Facts) -> None:
    assert facts.channels == (
        Part("store", Decimal(130), Decimal(230), Decimal(0), Decimal(180)),
        Part("online", Decimal(50), Decimal(50), Decimal(60), Decimal(0)),
    )
    # C1 lives in CA, the guest bought in a store in TX, C2 lives in NY
    assert {part.name: part.day for part in facts.regions} == {"CA": 150, "TX": 30, "NY": 0}


def test_service_and_health_are_counted(facts: Facts) -> None:
    service, health = facts.service, facts.health
    assert (service.due, service.due_late, service.overdue) == (2, 1, 1)
    assert (service.tickets_open, service.tickets_urgent, service.tickets_opened) == (1, 1, 1)
    assert service.oldest_open == AS_OF
    assert (health.rows_loaded, health.rows_rejected, health.cells_unreadable) == (97, 3, 1)
    assert health.refused == ("b.csv: <b>no</b> header",)  # the other one is gone from landing
    assert health.checks == ("Every id is known: 2 findings.", "lifts are found: Half of them.")
    assert health.differences == (Difference("order total vs its parts", 8, 2, None),)


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
    page = write_page(moved, None)
    assert "The largest moves in May 2026" in page
    assert "Occasional Premiums → Engaged Regulars: 1" in page


def test_what_was_said_is_kept_and_read_again(facts: Facts) -> None:
    said = keep(facts)
    assert read_said(write_said(said)) == said
    assert restate(said, facts) == []
    for text in ("", "[]", "{}", '{"format": 0}', write_said(said).replace('"100', '"x')):
        with pytest.raises(SaidError):
            read_said(text)


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
    assert '<div class="days"><span>30 Jun</span></div>' in page


def test_a_retailer_without_orders_gets_a_page(facts: Facts) -> None:
    empty = replace(
        facts, sales={}, first_day=None, channels=(), regions=(), personas=(), leaving=()
    )
    page = write_page(empty, None)
    read_outline(page)
    assert "There are no completed orders yet." in page
    assert "no data then" in page


@pytest.mark.parametrize(
    ("now", "before", "long", "brief"),
    [
        (Decimal(105), Decimal(100), "+5.0 %", "+5 %"),
        (95, 100, "−5.0 %", "−5 %"),
        (100, 100, "no change", "0 %"),
        (Decimal(420), Decimal(100), "4.2 times", "×4.2"),
        (5, 0, None, None),
        (5, Decimal(-3), None, None),
        (None, 5, None, None),
    ],
)
def test_changes_are_written_for_people(
    now: Decimal | None, before: Decimal, long: str | None, brief: str | None
) -> None:
    assert words.change(now, before) == long
    assert words.brief_change(now, before) == brief


def test_amounts_are_written_for_people() -> None:
    assert words.money(Decimal("-1234.5"), "USD", 2) == "−$1,234.50"
    assert words.money(Decimal(10), "CHF") == "10 CHF"
    assert words.short(Decimal(1_234_567), "EUR") == "€1.23 M"
    assert words.short(Decimal(-123_456), "USD") == "−$123 k"
    assert words.short(None, "USD") == words.money(None, "USD") == "–"
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
