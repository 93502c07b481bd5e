"""The pieces that every page is built of: headings, cards, tables, charts, downloads.

Whatever comes from the data is escaped into HTML here or drawn by a chart; it is never Markdown.
"""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Any

import polars as pl
import streamlit as st

from c360_dashboard import format as say
from c360_dashboard.charts import Drawing

CODE = re.compile(r"`([^`]+)`")
AS_OF = "as-of day"
"""The key under which the session keeps the day that goes into the names of its downloads."""
ROWS_ON_A_PHONE = 8
"""The number of a table's rows that a phone shows without scrolling in it."""
FORMULA_STARTS = tuple("=+-@＝＋－＠")
"""A spreadsheet calculates cells that begin like this; Asian ones accept the wide signs too."""
STYLE = """
<style>
/* Streamlit's background colours, for elements that hide what scrolls below them. */
[data-testid="stApp"] {--ground: light-dark(#ffffff, #171614)}
[data-testid="stMainBlockContainer"] {padding-top: 3.2rem; max-width: 84rem}
.stElementContainer:has(> [data-testid="stMetric"]) {
    flex: 1 1 9rem !important; width: auto !important; min-width: 0; max-width: 16rem}
[data-testid="stMetric"] {padding: 0 !important}
[data-testid="stMain"] [data-testid="stHeading"] h2 {font-size: 1.75rem; padding: .75rem 0 1rem}
/* The letters are white, also in dark mode, where everything else takes the lighter blue. */
[data-testid="stMultiSelectTagsContainer"] > span > span {background-color: #0072B2 !important}
[data-testid="stMetricValue"] {font-size: 1.4rem}
[data-testid="stMetricValue"] div, [data-testid="stMetricLabel"] p {
    white-space: normal; overflow: visible; text-overflow: clip; overflow-wrap: anywhere}
.c360-fresh {font-size: .88rem; opacity: .85; margin: 0}
.c360-name {margin: 0 0 .2rem; font-size: 1.9rem; font-weight: 700; overflow-wrap: anywhere}
/* Shades the edges where more can be scrolled to: the first two layers move along with the table
   and cover the shade at its end. */
.c360-scroll {
    --shade: color-mix(in srgb, currentColor 22%, transparent), transparent;
    overflow: auto; max-height: 34rem;
    background:
        linear-gradient(to left, var(--ground) 50%, transparent) right / 1.4rem 100% local,
        linear-gradient(to top, var(--ground) 50%, transparent) bottom / 100% 1.4rem local,
        linear-gradient(to left, var(--shade)) right / .7rem 100%,
        linear-gradient(to top, var(--shade)) bottom / 100% .7rem;
    background-repeat: no-repeat}
.c360-scroll.timeline {max-height: 56rem}
/* Streamlit marks the focus by a shade of grey only, which forced colours remove. */
[data-testid="stApp"] :is(a, button, .c360-scroll):focus-visible {
    outline: 2px solid currentColor !important; outline-offset: 2px}
[data-testid="stElementToolbar"]:focus-within {opacity: 1; z-index: 1}
table.c360 {border-collapse: separate; border-spacing: 0; width: 100%; font-size: .88rem}
table.c360 th, table.c360 td {
    padding: .38rem .5rem; text-align: left; vertical-align: top; white-space: nowrap;
    border-bottom: 1px solid color-mix(in srgb, currentColor 14%, transparent)}
table.c360 .long {white-space: normal; min-width: 12rem; overflow-wrap: anywhere}
table.c360 tbody th {font-weight: 400}
table.c360 thead th {
    white-space: normal; vertical-align: bottom; font-weight: 600; border-bottom-width: 2px;
    position: sticky; top: 0; z-index: 1; background: var(--ground)}
table.c360 th[title] {
    text-decoration: underline dotted; text-underline-offset: 3px; cursor: help}
table.c360 .number {text-align: right; font-variant-numeric: tabular-nums}
table.c360 a {color: inherit; text-decoration: underline; text-underline-offset: 2px}
dl.c360 {
    display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; margin: 0; padding: 0;
    font-size: .92rem}
dl.c360 dt {opacity: .75; margin: 0; padding: 0}
dl.c360 dd {margin: 0; padding: 0; overflow-wrap: anywhere}
[data-testid="stButtonGroup"] > div {flex-wrap: wrap}
/* Makes axes, legends and numbers as dark as other text, because greys are hard to read. */
[data-testid="stVegaLiteChart"] :is(.role-axis-label, .role-axis-title, .role-legend-label) text,
[data-testid="stVegaLiteChart"] text[fill="#767b84"] {fill: currentColor}
ol.c360 {list-style: none; margin: 0; padding: 0; font-size: .92rem}
ol.c360 li {
    display: grid; grid-template-columns: 6.2rem 5.2rem 1fr; gap: .1rem .6rem; margin: 0;
    padding: .45rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent)}
ol.c360 time {opacity: .75; white-space: nowrap}
ol.c360 .whole {white-space: nowrap}
ol.c360 .kind {
    font-size: .78rem; font-weight: 600; text-align: center; align-self: start;
    border: 1px solid currentColor; border-left-width: 5px; border-radius: 4px}
ol.c360 .order {border-color: #0072B2} ol.c360 .delivery {border-color: #009E73}
ol.c360 .ticket {border-color: #D55E00} ol.c360 .campaign {border-color: #E69F00}
ol.c360 .session {border-color: #CC79A7}
@media (max-width: 640px) {
    [data-testid="stMainBlockContainer"] {padding-left: 1rem; padding-right: 1rem}
    .stElementContainer:has(> [data-testid="stMetric"]) {
        flex: 0 0 calc(50% - .5rem) !important}
    [data-testid="stMetricValue"] {font-size: 1.3rem}
    h1 {font-size: 1.8rem !important}
    h2 {font-size: 1.3rem !important}
    table.c360 tr > :first-child {
        position: sticky; left: 0; background: var(--ground); min-width: 0; max-width: 10rem;
        white-space: normal; overflow-wrap: break-word}
    table.c360 thead th:first-child {z-index: 2}
    ol.c360 li {grid-template-columns: 6.2rem 1fr}
    ol.c360 .kind {justify-self: start; min-width: 5.2rem}
    ol.c360 li > :last-child {grid-column: 1 / -1}
}
/* A finger is 40 pixels wide: enlarges what can be touched without changing what is seen. */
@media (pointer: coarse) {
    [data-testid="stSidebarNavLink"], [data-testid="stExpandSidebarButton"] {min-height: 40px}
    [data-testid="stExpandSidebarButton"] {min-width: 40px}
    [data-testid="stTooltipHoverTarget"] button {position: relative}
    [data-testid="stTooltipHoverTarget"] button::after {
        content: ""; position: absolute; inset: -12px}
    table.c360 :has(> a) {padding: 0}
    table.c360 a {display: block; padding: .7rem .5rem}
}
@media print {
    [data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stDownloadButton"],
    [data-testid="stPopover"] {display: none}
    .c360-scroll, .c360-scroll.timeline {overflow: visible; max-height: none}
    table.c360 {font-size: .7rem}
    table.c360 thead th, table.c360 tr > :first-child {position: static}
    table.c360 td, table.c360 tbody th {white-space: normal}
    [data-testid="stVegaLiteChart"] svg {max-width: 100%; height: auto}
}
</style>
"""


@dataclass(frozen=True)
class Card:
    title: str
    value: str
    help: str
    change: str | None = None
    """Against the time before; more is better in each figure that is compared."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, and how it is titled, written and explained."""

    name: str
    title: str
    show: Callable[[Any], str] = str
    help: str = ""
    is_number: bool = False
    is_long: bool = False
    link: Callable[[dict[str, Any]], str] | None = None


def text(name: str, title: str, help: str = "", **more: Any) -> Column:  # noqa: A002, ANN401  as Streamlit names it
    return Column(name, title, _as_text, help, **more)


def number(
    name: str,
    title: str,
    help: str = "",  # noqa: A002
    show: Callable[[Any], str] = say.whole,
) -> Column:
    return Column(name, title, show, help, is_number=True)


def share(name: str, title: str, help: str = "") -> Column:  # noqa: A002
    return number(name, title, help, say.percent)


def amount(name: str, title: str, help: str, currency: str, places: int = 0) -> Column:  # noqa: A002
    return number(name, title, help, lambda value: say.money(value, currency, places))


def merge_columns() -> list[Column]:
    """Returns the columns for the log of merges and splits, of everybody or of one customer."""
    return [
        text("found_on", "On"),
        text("kind", "What"),
        text("from_id", "From"),
        text("to_id", "To"),
        text("why", "Why", is_long=True),
    ]


def cards(given: Sequence[Card]) -> None:
    with st.container(horizontal=True):
        for card in given:
            moves = card.change != say.NO_CHANGE  # else Streamlit shows a green arrow upwards
            st.metric(
                card.title,
                card.value,
                card.change,
                delta_color="normal" if moves else "off",
                delta_arrow="auto" if moves else "off",
                help=card.help,
                border=True,
                width=180,
            )


def chart(drawing: Drawing, description: str) -> None:
    # By default, an axis's first and last label are moved inwards, away from their bars.
    st.altair_chart(drawing.configure_axisBand(labelFlush=False), width="stretch", alt=description)


def table(
    frame: pl.DataFrame,
    columns: Sequence[Column],
    *,
    title: str,
    file: str,
    explanation: str = "",
    empty: str = "",
) -> None:
    """Draws a table with a download of exactly its rows, or a sentence if there are none."""
    heading(title, explanation)
    if not len(frame):
        note(empty or "Nothing matches these filters.")
        return
    st.html(_table(frame, columns, title))
    # Most rows of a long table are out of sight, and a phone shows no scroll bar to say so.
    if len(frame) > ROWS_ON_A_PHONE:
        st.html(f'<p class="c360-fresh">{len(frame):,} rows</p>')
    download(frame, columns, title=title, file=file)


def download(frame: pl.DataFrame, columns: Sequence[Column], *, title: str, file: str) -> None:
    """Offers the rows as a file with the day in its name, and explains what the columns mean."""
    with st.container(horizontal=True):
        st.download_button(
            "Download CSV",
            to_csv(frame, columns),
            f"{file}-{st.session_state[AS_OF]}.csv",
            "text/csv",
            key=f"download-{file}",
            on_click="ignore",
            icon=":material/download:",
            help=f"{title}: the rows that you see, {len(frame):,} in all",
        )
        explained = [column for column in columns if column.help]
        if explained:
            with st.popover("What the columns mean", icon=":material/help:"):
                st.html(facts([(column.title, column.help) for column in explained]))


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Returns names and values, one under the other, as escaped HTML."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    return f'<dl class="c360">{rows}</dl>'


def note(sentence: str) -> None:
    """Shows a plain sentence about what is missing or needs explaining."""
    shown = CODE.sub(r"<code>\1</code>", escape(sentence))
    st.html(f'<p role="note">{shown}</p>')


def heading(words: str, explanation: str = "") -> None:
    st.header(words, help=explanation or None, anchor=False)


def to_csv(frame: pl.DataFrame, columns: Sequence[Column]) -> str:
    """Returns the rows below their titles. A cell that a spreadsheet would calculate is made text.

    The mark in front tells spreadsheets that the file is UTF-8; without it they garble names.
    """
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.title for column in columns])
    shown = frame.select([column.name for column in columns])
    writer.writerows([_disarm_formula(value) for value in row] for row in shown.iter_rows())
    return out.getvalue()


def _table(frame: pl.DataFrame, columns: Sequence[Column], title: str) -> str:
    head = "".join(
        f'<th scope="col"{_class(column)}'
        + (f' title="{escape(column.help)}"' if column.help else "")
        + f">{escape(column.title)}</th>"
        for column in columns
    )
    body = "".join(
        "<tr>" + "".join(_write_cell(row, column, columns) for column in columns) + "</tr>"
        for row in frame.iter_rows(named=True)
    )
    return (
        f'<div class="c360-scroll" tabindex="0" role="region" aria-label="{escape(title)}">'
        f'<table class="c360" aria-label="{escape(title)}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _write_cell(row: dict[str, Any], column: Column, columns: Sequence[Column]) -> str:
    """Writes a cell. The first one heads its row, so a screen reader says it before each number."""
    value = row[column.name]
    shown = escape(say.NOTHING if value is None else column.show(value))
    if column.link and value is not None:
        shown = f'<a href="{escape(column.link(row))}" target="_self">{shown}</a>'
    if column is columns[0]:
        return f'<th scope="row"{_class(column)}>{shown}</th>'
    return f"<td{_class(column)}>{shown}</td>"


def _class(column: Column) -> str:
    if column.is_number:
        return ' class="number"'
    return ' class="long"' if column.is_long else ""


def _as_text(value: Any) -> str:  # noqa: ANN401  whatever a column holds
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return say.moment(value)
    return say.day(value) if isinstance(value, date) else str(value)


def _disarm_formula(value: Any) -> Any:  # noqa: ANN401  whatever a column holds
    if isinstance(value, str) and value.lstrip().startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
