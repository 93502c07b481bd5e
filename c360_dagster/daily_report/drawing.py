"""Draws the chart of ninety days as SVG without words; the page has the words around it.

It is as wide as the element that shows it, and takes its colours, light or dark, from the page.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

WIDTH, HEIGHT = 900, 200
GAP = 0.25


def draw_days(
    bars: Sequence[Decimal],
    line: Sequence[Decimal | None],
    line_before: Sequence[Decimal | None],
    most: Decimal,
) -> str:
    """Draws a bar for each day, and two lines through the middles of the days.

    `most` is the value at the top of the chart.
    """
    step = WIDTH / len(bars)
    top = float(most) or 1.0

    def height(value: Decimal) -> float:
        return max(0.0, float(value)) / top * HEIGHT

    rectangles = "".join(
        f"M{step * (place + GAP / 2):.1f} {HEIGHT}v-{height(value):.1f}"
        f"h{step * (1 - GAP):.1f}V{HEIGHT}z"
        for place, value in enumerate(bars)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true"'
        ' focusable="false">'
        f'<path class="grid" d="M0 {HEIGHT / 2}H{WIDTH}M0 0.5H{WIDTH}"/>'
        f'<path class="bars" d="{rectangles}"/>'
        f"{_draw_line('before', line_before, step, height)}"
        f"{_draw_line('mean', line, step, height)}"
        f'<path class="ground" d="M0 {HEIGHT}H{WIDTH}"/></svg>'
    )


def _draw_line(
    kind: str, values: Sequence[Decimal | None], step: float, height: Callable[[Decimal], float]
) -> str:
    points, pen = [], "M"
    for place, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        y = HEIGHT - height(value)
        points.append(f"{pen}{step * (place + 0.5):.1f} {y:.1f}")
        pen = "L"
    return f'<path class="{kind}" d="{"".join(points)}"/>' if points else ""
