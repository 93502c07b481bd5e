"""Charts in one style, in colours that colour-blind people can tell apart, in light and in dark."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

# Okabe and Ito, "Color Universal Design" (2008), without black and yellow, which vanish on one of
# the two backgrounds.
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
# Orange and sky blue come last: on white they are too pale for a line.
PALETTE = [BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY]
DASHES = [[1, 0], [5, 4], [2, 2], [8, 3], [3, 5], [6, 2]]
GREY = "#767b84"
PALE, WHITISH = "#e8f1f8", "#f5f5f5"
HEIGHT = 280
DARK = 0.93
"""How near to blue a cell must be for white letters to be easier to read on it than black ones."""
AMOUNT = "~s"
"""How axes write amounts: 1.5k, 20M."""
WIDEST = 5
"""An axis of intervals ends at this many times the median effect."""
STEPS = {
    "day": ("Day", "%-d %b %y", "%-d %b %Y"),
    "week": ("Week up to", "%-d %b %y", "%-d %b %Y"),
    "month": ("Month", "%b %y", "%B %Y"),
}
"""For each step of time: its name, and the format of its date on an axis and in the tooltip."""

NUMBER_WIDTH = 48
"""The pixels that the number at the end of the longest bar takes."""

# A chart, or layers of charts: Altair's methods do not agree on the type.
Drawing = Any


def over_time(
    frame: pl.DataFrame,
    *,
    x: str,
    y: str,
    series: str,
    order: Sequence[str],
    y_format: str,
    y_title: str,
    grain: str = "day",
    is_from_zero: bool = True,
) -> Drawing:
    """Draws a line over time for each series; the first is solid, the others are dashed."""
    step, short, full = STEPS[grain]
    ticks = alt.Undefined if grain == "day" else _mark_each(frame[x])
    base = alt.Chart(frame).encode(
        x=alt.X(
            f"{x}:T",
            title=None,
            axis=alt.Axis(format=short, labelOverlap=True, grid=False, values=ticks),
        ),
        y=alt.Y(
            f"{y}:Q",
            title=y_title,
            axis=_axis(y_format, tickCount=5),
            scale=alt.Scale(zero=is_from_zero),
        ),
        color=alt.Color(
            f"{series}:N",
            title=None,
            sort=list(order),
            scale=alt.Scale(domain=list(order), range=_colours(order)),
            legend=_legend(order, symbolType="stroke", symbolSize=400),
        ),
        tooltip=[
            alt.Tooltip(f"{x}:T", title=step, format=full),
            alt.Tooltip(f"{series}:N", title="Series"),
            alt.Tooltip(f"{y}:Q", title=y_title, format=_in_full(y_format)),
        ],
    )
    dashes = alt.StrokeDash(
        f"{series}:N",
        title=None,
        sort=list(order),
        scale=alt.Scale(domain=list(order), range=DASHES[: len(order)]),
        legend=_legend(order, symbolType="stroke", symbolSize=400),
    )
    lines = base.mark_line(strokeWidth=2.5, point=alt.OverlayMarkDef(size=30)).encode(
        strokeDash=dashes
    )
    return lines.properties(height=HEIGHT)


def bars(
    frame: pl.DataFrame,
    *,
    x: str,
    y: str,
    x_format: str,
    x_title: str,
    colour: str = BLUE,
    rows: int | None = None,
) -> Drawing:
    """Draws horizontal bars in the frame's order, each with its number beside it."""
    count = rows or len(frame)
    base = alt.Chart(frame).encode(
        y=alt.Y(
            f"{y}:N",
            sort=list(frame[y]),
            title=None,
            axis=alt.Axis(labelLimit=170, ticks=False, domain=False, labelPadding=6),
        ),
        x=alt.X(f"{x}:Q", title=None, axis=None, scale=_bar_scale()),
        tooltip=[
            alt.Tooltip(f"{y}:N", title="What"),
            alt.Tooltip(f"{x}:Q", title=x_title, format=_in_full(x_format)),
        ],
    )
    marks = base.mark_bar(color=colour, cornerRadiusEnd=2, size=16)
    return alt.layer(marks, _write_values(base, x, x_format)).properties(height=max(60, 28 * count))


def histogram(
    frame: pl.DataFrame,
    *,
    low: str,
    high: str,
    count: str,
    x_format: str,
    x_title: str,
    y_title: str,
    colour: str = BLUE,
) -> Drawing:
    """Draws counts by bins that have been made already."""
    return (
        alt.Chart(frame)
        .mark_bar(color=colour, binSpacing=1)
        .encode(
            x=alt.X(
                f"{low}:Q",
                bin="binned",
                title=x_title,
                axis=_axis(x_format, grid=False, labelOverlap=True),
            ),
            x2=alt.X2(f"{high}:Q"),
            y=alt.Y(
                f"{count}:Q",
                title=y_title,
                axis=alt.Axis(format=",.0f", tickCount=5, tickMinStep=1),
            ),
            tooltip=[
                alt.Tooltip(f"{low}:Q", title="From", format=_in_full(x_format)),
                alt.Tooltip(f"{high}:Q", title="To", format=_in_full(x_format)),
                alt.Tooltip(f"{count}:Q", title=y_title, format=",.0f"),
            ],
        )
        .properties(height=HEIGHT)
    )


def heatmap(
    frame: pl.DataFrame,
    *,
    x: str,
    y: str,
    value: str,
    value_format: str,
    value_title: str,
    x_order: Sequence[str],
    y_order: Sequence[str],
    middle: float | None = None,
    x_title: str | None = None,
    y_title: str | None = None,
) -> Drawing:
    """Draws cells with their numbers written in them, so that nothing is said by colour alone."""
    lowest, top = _range(frame[value])
    is_slanted = len(x_order) > 4
    spread = max(abs(top - (middle or 0.0)), abs(lowest - (middle or 0.0))) or 1.0
    scale = (
        alt.Scale(range=[PALE, BLUE], domain=[0, top or 1.0], interpolate="rgb")
        if middle is None
        else alt.Scale(
            range=[BLUE, WHITISH, ORANGE],
            domain=[middle - spread, middle, middle + spread],
            interpolate="rgb",
        )
    )
    base = alt.Chart(frame).encode(
        x=alt.X(
            f"{x}:N",
            sort=list(x_order),
            title=x_title,
            axis=alt.Axis(
                # None may be left out; slanted, all of them fit on a phone.
                labelAngle=-35 if is_slanted else 0,
                labelOverlap=False,
                labelLimit=130,
                ticks=False,
                domain=False,
            ),
        ),
        y=alt.Y(
            f"{y}:N",
            sort=list(y_order),
            title=y_title,
            axis=alt.Axis(labelLimit=170, labelOverlap=False, ticks=False, domain=False),
        ),
        tooltip=[
            alt.Tooltip(f"{y}:N", title="Row"),
            alt.Tooltip(f"{x}:N", title="Column"),
            alt.Tooltip(f"{value}:Q", title=value_title, format=value_format),
        ],
    )
    cells = base.mark_rect(cornerRadius=2).encode(
        color=alt.Color(f"{value}:Q", scale=scale, legend=None)
    )
    # Orange is never dark enough for white letters.
    is_dark = (
        f"datum['{value}'] > {DARK * top}"
        if middle is None
        else f"datum['{value}'] < {middle - DARK * spread}"
    )
    numbers = base.mark_text(fontSize=12).encode(
        text=alt.Text(f"{value}:Q", format=value_format),
        color=alt.condition(is_dark, alt.value("white"), alt.value("black")),
    )
    below = 130 if is_slanted else 60
    return alt.layer(cells, numbers).properties(height=max(150, 36 * len(y_order) + below))


def paired_bars(
    frame: pl.DataFrame,
    *,
    x: str,
    y: str,
    series: str,
    order: Sequence[str],
    y_order: Sequence[str],
    x_format: str,
) -> Drawing:
    """Draws two or three bars for each row, one below the other, each with its number beside it."""
    base = alt.Chart(frame).encode(
        y=alt.Y(
            f"{y}:N",
            sort=list(y_order),
            title=None,
            axis=alt.Axis(labelLimit=170, ticks=False, domain=False),
        ),
        yOffset=alt.YOffset(f"{series}:N", sort=list(order)),
        x=alt.X(f"{x}:Q", title=None, axis=None, scale=_bar_scale()),
        tooltip=[
            alt.Tooltip(f"{y}:N", title="Segment"),
            alt.Tooltip(f"{series}:N", title="Share of"),
            alt.Tooltip(f"{x}:Q", title="Share", format=x_format),
        ],
    )
    marks = base.mark_bar(cornerRadiusEnd=2).encode(
        color=alt.Color(
            f"{series}:N",
            title=None,
            sort=list(order),
            scale=alt.Scale(domain=list(order), range=_colours(order)),
            legend=_legend(order),
        )
    )
    height = max(120, 22 * len(frame) + 30)
    return alt.layer(marks, _write_values(base, x, x_format)).properties(height=height)


def intervals(
    frame: pl.DataFrame, *, y: str, middle: str, low: str, high: str, x_format: str, x_title: str
) -> Drawing:
    """Draws estimates with their intervals, and a line at zero. Intervals that do not include zero
    are coloured.

    An interval with no upper end, or a very distant one, goes to the edge and has an arrow there,
    because an axis long enough for it would squeeze all others into a line.
    """
    most = max(1.0, WIDEST * abs(float(frame[middle].abs().median() or 0.0)))  # type: ignore[arg-type]
    shown = frame.with_columns(
        pl.when(pl.col(low) > 0)
        .then(pl.lit("gain"))
        .when(pl.col(high) < 0)
        .then(pl.lit("loss"))
        .otherwise(pl.lit("not clear"))
        .alias("effect"),
        pl.col(low).fill_null(-1.0).clip(-1.0, most).alias("from_"),
        pl.col(high).fill_null(most).clip(-1.0, most).alias("to_"),
        pl.col(middle).clip(-1.0, most).alias("middle_"),
        (pl.col(high).fill_null(most + 1) > most).alias("is_open"),
    )
    kinds = ["gain", "not clear", "loss"]
    base = alt.Chart(shown).encode(
        y=alt.Y(
            f"{y}:N",
            sort=list(frame[y]),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelLimit=170, labelOverlap=False),
        ),
        color=alt.Color(
            "effect:N",
            title=None,
            sort=kinds,
            scale=alt.Scale(domain=kinds, range=[BLUE, GREY, VERMILLION]),
            legend=_legend(kinds),
        ),
        tooltip=[
            alt.Tooltip(f"{y}:N", title="Campaign"),
            alt.Tooltip(f"{middle}:Q", title="Effect", format=x_format),
            alt.Tooltip(f"{low}:Q", title="From", format=x_format),
            alt.Tooltip(f"{high}:Q", title="To", format=x_format),
        ],
    )
    scale = alt.Scale(domain=[-1.0, most], nice=False)
    lines = base.mark_rule(strokeWidth=2).encode(
        x=alt.X(
            "from_:Q",
            title=x_title,
            scale=scale,
            axis=_axis(x_format, tickCount=5, labelFlush=True),
        ),
        x2="to_:Q",
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x="middle_:Q")
    arrows = (
        base.transform_filter("datum.is_open")
        .mark_point(shape="triangle-right", filled=True, size=60, opacity=1)
        .encode(x="to_:Q")
    )
    zero = (
        alt.Chart(pl.DataFrame({"zero": [0.0]}))
        .mark_rule(strokeDash=[4, 3], color=GREY)
        .encode(x="zero:Q")
    )
    # Legend and axis take their part of the height, even if there are few campaigns.
    return alt.layer(zero, lines, points, arrows).properties(height=26 * len(frame) + 150)


def calibration(
    frame: pl.DataFrame,
    *,
    x: str,
    y: str,
    series: str,
    order: Sequence[str],
    x_title: str,
    y_title: str,
) -> Drawing:
    """Draws points, and the line where both values are equal; series differ in colour and shape."""
    most = max(_range(frame[x])[1], _range(frame[y])[1])
    scale = alt.Scale(domain=[0, most * 1.04], nice=False)
    points = (
        alt.Chart(frame)
        .mark_point(filled=True, size=80, opacity=0.9)
        .encode(
            x=alt.X(
                f"{x}:Q",
                title=x_title,
                scale=scale,
                axis=_axis(AMOUNT, tickCount=5, grid=False),
            ),
            y=alt.Y(f"{y}:Q", title=y_title, scale=scale, axis=_axis(AMOUNT, tickCount=5)),
            color=alt.Color(
                f"{series}:N",
                title=None,
                sort=list(order),
                scale=alt.Scale(domain=list(order), range=_colours(order)),
                legend=_legend(order),
            ),
            shape=alt.Shape(
                f"{series}:N",
                title=None,
                sort=list(order),
                scale=alt.Scale(domain=list(order), range=["circle", "square"][: len(order)]),
                legend=_legend(order),
            ),
            tooltip=[
                alt.Tooltip(f"{series}:N", title="Tested against"),
                alt.Tooltip("tenth:Q", title="Tenth"),
                alt.Tooltip(f"{x}:Q", title="Expected", format=",.0f"),
                alt.Tooltip(f"{y}:Q", title="Actual", format=",.0f"),
            ],
        )
    )
    line = (
        alt.Chart(pl.DataFrame({x: [0.0, most], y: [0.0, most]}))
        .mark_line(strokeDash=[4, 3], color=GREY)
        .encode(x=f"{x}:Q", y=f"{y}:Q")
    )
    return alt.layer(line, points).properties(height=340)


def columns(
    frame: pl.DataFrame, *, x: str, y: str, y_title: str, y_format: str, unit: str
) -> Drawing:
    """Draws a column for each step of time, with the step's name below its middle."""
    return (
        alt.Chart(frame)
        .mark_bar(color=BLUE, cornerRadiusEnd=2)
        .encode(
            x=alt.X(
                f"{unit}({x}):O",
                title=None,
                axis=alt.Axis(
                    format="%b %y", grid=False, labelAngle=0, labelOverlap=True, ticks=False
                ),
            ),
            y=alt.Y(f"{y}:Q", title=y_title, axis=_axis(y_format, tickCount=4)),
            tooltip=[
                alt.Tooltip(f"{x}:T", title="Month", format="%B %Y"),
                alt.Tooltip(f"{y}:Q", title=y_title, format=",.2f"),
            ],
        )
        .properties(height=180)
    )


def _mark_each(days: pl.Series) -> list[alt.DateTime]:
    """Returns the steps as an axis's marks. By default, the axis marks Sundays instead, for weeks
    and for a year of months."""
    return [
        alt.DateTime(year=day.year, month=day.month, date=day.day) for day in days.unique().sort()
    ]


def _range(values: pl.Series) -> tuple[float, float]:
    known = values.drop_nulls().cast(pl.Float64)
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)  # type: ignore[arg-type]


def _colours(order: Sequence[str]) -> list[str]:
    return [PALETTE[index % len(PALETTE)] for index in range(len(order))]


def _bar_scale() -> alt.Scale:
    """Returns a scale that leaves room for the number at the end of the longest bar."""
    return alt.Scale(zero=True, nice=False, range=[0, alt.ExprRef(f"width - {NUMBER_WIDTH}")])


def _write_values(drawn: Drawing, x: str, form: str) -> Drawing:
    """Draws the numbers at the ends of bars."""
    return (
        drawn.transform_calculate(label=_as_written(f"format(datum['{x}'], '{form}')"))
        .mark_text(align="left", dx=5, color=GREY)
        .encode(text="label:N")
    )


def _axis(form: str, **more: Any) -> alt.Axis:  # noqa: ANN401  Altair's own
    """Returns an axis; on an axis of amounts, zero is written 0 and not 0k."""
    label = _as_written("datum.label")
    more["labelExpr"] = f"datum.value ? {label} : '0'" if form == AMOUNT else label
    return alt.Axis(format=form, **more)


def _as_written(label: str) -> str:
    """Writes a label as everywhere else: `2 B`, for which the format has `2G`, and `5 %`."""
    return f"replace(replace({label}, 'G', 'B'), '%', ' %')"


def _in_full(form: str) -> str:
    """Returns the format for tooltips: there is room, so amounts are not shortened."""
    return ",.0f" if form.endswith("s") else form


def _legend(order: Sequence[str], **more: Any) -> alt.Legend | None:  # noqa: ANN401  Altair's own
    return alt.Legend(orient="top", labelLimit=220, columns=2, **more) if len(order) > 1 else None
