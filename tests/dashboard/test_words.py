"""Days, numbers, tables and downloads are written so that people can read them."""

import codecs
import csv
import io
import re
from datetime import date, datetime, timedelta

import polars as pl
import pytest
import streamlit

from c360_dashboard import charts, layout
from c360_dashboard import format as say
from c360_dashboard.filters import DAY, read_period

AS_OF = date(2026, 6, 30)
LONG_AGO = date(2020, 1, 1)


@pytest.mark.parametrize(
    ("period", "start", "start_before", "end_before"),
    [
        ("4w", date(2026, 6, 3), date(2025, 6, 4), date(2025, 7, 1)),
        ("13w", date(2026, 4, 1), date(2025, 4, 2), date(2025, 7, 1)),
        ("12m", date(2025, 7, 1), date(2024, 7, 1), date(2025, 6, 30)),
        ("ytd", date(2026, 1, 1), date(2025, 1, 1), date(2025, 6, 30)),
        ("all", LONG_AGO, None, None),
    ],
)
def test_a_period_ends_on_the_as_of_day_and_is_compared_with_the_year_before(
    period: str, start: date, start_before: date | None, end_before: date | None
) -> None:
    span = read_period(period, AS_OF, LONG_AGO)
    assert (span.start, span.end) == (start, AS_OF)
    assert (span.start_before, span.end_before) == (start_before, end_before)


@pytest.mark.parametrize("period", ["4w", "13w", "26w"])
def test_weeks_are_compared_with_the_same_weekdays(period: str) -> None:
    span = read_period(period, AS_OF, LONG_AGO)
    assert span.start_before is not None
    assert span.start.weekday() == span.start_before.weekday()
    assert span.days % 7 == 0


def test_nothing_is_compared_with_days_before_the_data() -> None:
    assert read_period("12m", AS_OF, date(2025, 1, 1)).start_before is None


@pytest.mark.parametrize(("period", "missing"), [("4w", 0), ("13w", 1), ("26w", 3), ("12m", 7)])
def test_a_long_period_may_miss_a_few_days_and_a_short_one_none(period: str, missing: int) -> None:
    before = read_period(period, AS_OF, LONG_AGO).start_before
    assert before is not None
    assert read_period(period, AS_OF, before + missing * DAY).start_before == before
    assert read_period(period, AS_OF, before + (missing + 1) * DAY).start_before is None


def test_a_leap_day_is_compared_with_the_end_of_february() -> None:
    assert read_period("ytd", date(2028, 2, 29), LONG_AGO).end_before == date(2027, 2, 28)


def test_numbers_are_written_for_people() -> None:
    assert say.whole(1234567.0) == "1,234,567"
    assert say.money(-1234.5, "USD", 2) == "−$1,234.50"
    assert say.money(10, "CHF") == "10 CHF"
    assert say.money(10, "") == "10"
    assert (say.in_currency("Spent", "CHF"), say.in_currency("Spent", "")) == (
        "Spent (CHF)",
        "Spent",
    )
    assert say.short_money(1_234_567, "EUR") == "€1.23 M"
    assert say.short_money(12_345, "USD") == "$12.3 k"
    assert say.short_money(-999_950, "USD") == "−$1.00 M"
    assert say.short_money(999_949, "USD") == "$999.9 k"
    assert say.short_money(999_995_000, "USD") == "$1.00 B"
    assert say.percent(-0.0000001) == "0.0 %"
    assert say.percent(0.256) == "25.6 %"
    assert say.percent(None) == say.whole(None) == say.money(None, "USD") == "–"
    assert say.change(150, 100) == "+50.0 %"
    assert say.change(100, 100) == say.change(99_999, 100_000) == "no change"
    assert say.change(150, 0) is say.change(150, -100) is None
    assert [say.relative(part) for part in (0.085, -0.196, 3.2, -1, 0, None)] == [
        "+8.5 %",
        "−19.6 %",
        "×4.2",
        "−100.0 %",
        "no change",
        "–",
    ]


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=30), "just now"),
        (timedelta(minutes=5), "5 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_age_is_said_in_its_largest_unit(passed: timedelta, words: str) -> None:
    now = datetime(2026, 7, 1, 12)
    assert say.age(now - passed, now) == words


def light(colour: tuple[float, ...]) -> float:
    """Returns the relative luminance of a colour, as WCAG 2.2 defines it."""
    parts = [part / 255 for part in colour]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("pale", [charts.PALE, charts.WHITISH])
def test_the_letters_in_a_cell_can_be_read_on_every_blue(pale: str) -> None:
    ends = [tuple(bytes.fromhex(colour[1:])) for colour in (pale, charts.BLUE)]
    for step in range(101):
        cell = light(tuple(a + (b - a) * step / 100 for a, b in zip(*ends, strict=True)))
        contrast = 1.05 / (cell + 0.05) if step / 100 > charts.DARK else (cell + 0.05) / 0.05
        assert contrast >= 4.5


@pytest.mark.parametrize("ground", ["#ffffff", "#171614"])
def test_lines_stand_out_from_a_light_and_a_dark_page(ground: str) -> None:
    below = light(tuple(bytes.fromhex(ground[1:])))
    for colour in charts.PALETTE[:4]:
        line = light(tuple(bytes.fromhex(colour[1:])))
        assert (max(line, below) + 0.05) / (min(line, below) + 0.05) >= 3


def test_amounts_are_short_on_an_axis_and_whole_below_the_pointer() -> None:
    frame = pl.DataFrame({"day": [AS_OF], "revenue": [0.0], "who": ["A"]})
    drawn = charts.over_time(
        frame, x="day", y="revenue", series="who", order=["A"], y_format=charts.AMOUNT, y_title=""
    ).to_dict()["encoding"]
    # Zero is written as 0, not 0k; a thousand millions as B, not G.
    assert drawn["y"]["axis"]["labelExpr"] == (
        "datum.value ? replace(replace(datum.label, 'G', 'B'), '%', ' %') : '0'"
    )
    assert drawn["tooltip"][-1]["format"] == ",.0f"


@pytest.mark.parametrize(
    ("grain", "form", "name"), [("week", "%-d %b %y", "Week up to"), ("month", "%b %y", "Month")]
)
def test_axis_marks_lie_on_the_weeks_and_months_drawn(grain: str, form: str, name: str) -> None:
    frame = pl.DataFrame(
        {"step": [date(2026, 6, 30)] * 2, "revenue": [5.0, 6.0], "who": ["A", "B"]}
    )
    drawn = charts.over_time(
        frame,
        x="step",
        y="revenue",
        series="who",
        order=["A"],
        grain=grain,
        y_format="",
        y_title="",
    ).to_dict()["encoding"]
    assert drawn["x"]["axis"]["format"] == form
    assert drawn["x"]["axis"]["values"] == [{"year": 2026, "month": 6, "date": 30}]
    assert drawn["tooltip"][0]["title"] == name


def test_a_month_is_named_below_the_middle_of_its_column() -> None:
    """On a time axis the name would stand where the month begins, between two columns."""
    frame = pl.DataFrame({"month": [date(2026, 1, 1)], "spent": [5.0]})
    drawn = charts.columns(
        frame, x="month", y="spent", y_title="Spent", y_format="", unit="yearmonth"
    ).to_dict()["encoding"]["x"]
    assert (drawn["type"], drawn["axis"]["labelAngle"]) == ("ordinal", 0)


def test_bars_begin_beside_their_names_and_leave_room_for_their_numbers() -> None:
    frame = pl.DataFrame({"what": ["A"], "spent": [5.0]})
    drawn = charts.bars(frame, x="spent", y="what", x_format=".3~s", x_title="Spent").to_dict()
    scale = drawn["layer"][0]["encoding"]["x"]["scale"]
    assert "padding" not in scale
    assert not scale["nice"]
    assert scale["range"] == [0, {"expr": "width - 48"}]


def test_a_legend_of_three_has_two_rows_so_that_a_phone_shows_it() -> None:
    frame = pl.DataFrame({"who": ["A"], "lift": [0.1], "low": [-0.1], "high": [0.3]})
    drawn = charts.intervals(
        frame, y="who", middle="lift", low="low", high="high", x_format="", x_title=""
    ).to_dict()
    legends = [
        layer["encoding"]["color"]["legend"]["columns"]
        for layer in drawn["layer"]
        if "color" in layer.get("encoding", {})
    ]
    assert set(legends) == {2}


COLUMNS = [
    layout.text("name", "Name", "Who <she> is"),
    layout.amount("spent", "Spent", "", "USD"),
]


def test_a_table_escapes_whatever_it_shows() -> None:
    frame = pl.DataFrame({"name": ["<img src=x onerror=alert(1)>"], "spent": [5.0]})
    html = layout._table(frame, COLUMNS, "A & B")
    assert "<img" not in html
    assert "&lt;img" in html
    assert 'title="Who &lt;she&gt; is"' in html
    assert '<th scope="row">&lt;img' in html
    assert "A &amp; B" in html
    assert "$5" in html


@pytest.mark.parametrize(("rows", "counted"), [(8, []), (1234, ["1,234 rows"])])
def test_a_table_that_is_cut_says_how_many_rows_it_has(
    rows: int, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(streamlit, "html", drawn.append)
    monkeypatch.setattr(layout, "heading", lambda *_: None)
    monkeypatch.setattr(layout, "download", lambda *_, **__: None)
    frame = pl.DataFrame({"name": ["Ana"] * rows, "spent": [1.0] * rows})
    layout.table(frame, COLUMNS, title="People", file="people")
    assert [re.sub("<.*?>", "", each) for each in drawn[1:]] == counted


def test_a_download_holds_the_rows_and_no_formulas() -> None:
    names = ['=HYPERLINK("x")', "Ana, B.", None, "＝1+1"]
    frame = pl.DataFrame({"name": names, "spent": [-5.0, 2.5, 0.0, 1.0]})
    mark, text = layout.to_csv(frame, COLUMNS)[:1], layout.to_csv(frame, COLUMNS)[1:]
    assert mark.encode() == codecs.BOM_UTF8
    assert list(csv.reader(io.StringIO(text))) == [
        ["Name", "Spent"],
        ['\'=HYPERLINK("x")', "-5.0"],
        ["Ana, B.", "2.5"],
        ["", "0.0"],
        ["'＝1+1", "1.0"],
    ]
