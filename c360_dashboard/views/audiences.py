"""Audiences: whom to write to, who is left out, who came and went. Shows counts, never a member."""

import polars as pl

from c360_dagster.settings import read_settings
from c360_dashboard import charts, layout
from c360_dashboard import format as say
from c360_dashboard.layout import Card
from c360_dashboard.page import Page
from c360_dashboard.queries import audiences


def draw(page: Page) -> None:
    found = audiences.load(read_settings().exports)
    if found.latest.is_empty():
        layout.note(
            "No audience was exported yet. They are declared in "
            "`c360_dagster/audiences/audiences.yml`, and `make refresh` exports them."
        )
        return
    _cards(found.latest)
    _note_outdated(page, found.latest)
    _table(found.latest)
    _sizes(found.sizes)
    _left_out(found.latest)


def _cards(frame: pl.DataFrame) -> None:
    total = frame.select(pl.col("members", "control", "entered", "left").sum()).row(0, named=True)
    layout.cards(
        [
            Card("Audiences", say.whole(frame.height), "Those that were exported."),
            Card("Members", say.whole(total["members"]), "Summed: one may be in several."),
            Card(
                "Held out",
                say.whole(total["control"]),
                "Not written to, so that the effect can be measured.",
            ),
            Card("Entered", say.whole(total["entered"]), "Since the previous export."),
            Card("Left", say.whole(total["left"]), "Since the previous export."),
        ]
    )


def _note_outdated(page: Page, frame: pl.DataFrame) -> None:
    behind = frame.filter(pl.col("as_of") != page.publication.as_of)["audience"].to_list()
    if behind:
        layout.note(f"Not exported for the published day: {', '.join(behind)}.")


def _table(frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("audience", "Audience"),
            layout.number("members", "Members", "With consent, held out or not."),
            layout.number(
                "control", "Held out", "Not written to, so that the effect can be measured."
            ),
            layout.number("entered", "Entered", "Since the previous export."),
            layout.number("left", "Left", "Since the previous export."),
            layout.text("purpose", "Purpose"),
            layout.text("channel", "Channel"),
            layout.text("as_of", "As of"),
            layout.text("description", "Who they are", is_long=True),
        ],
        title="Audiences",
        file="audiences",
    )


def _sizes(frame: pl.DataFrame) -> None:
    if frame.is_empty():
        return
    largest = frame.group_by("audience").agg(pl.col("members").last())
    names = largest.top_k(len(charts.PALETTE), by="members")["audience"].sort().to_list()
    layout.heading("Members over time", "The largest audiences, on the days of their exports.")
    layout.chart(
        charts.over_time(
            frame.filter(pl.col("audience").is_in(names)),
            x="as_of",
            y="members",
            series="audience",
            order=names,
            y_format=",d",
            y_title="Members",
        ),
        "Members of each audience by day; the table above has the newest.",
    )


def _left_out(frame: pl.DataFrame) -> None:
    layout.table(
        frame,
        [
            layout.text("audience", "Audience"),
            layout.number("condition_met", "Meet condition"),
            layout.number("left_out_refused", "Said no"),
            layout.number("left_out_not_asked", "Never asked", "No answer is not a yes."),
            layout.number("left_out_no_profiling", "No profiling", "They said no to profiling."),
            layout.number(
                "left_out_no_address", "No address", "Counted only where addresses are exported."
            ),
            layout.number("members", "Members"),
            layout.text("condition", "Condition", is_long=True),
        ],
        title="Why others are left out",
        file="audiences-left-out",
    )
