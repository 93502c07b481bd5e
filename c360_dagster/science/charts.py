"""Small charts as SVG text, drawn without a library: bars by name, and expected against actual.

They are shown in the Dagster UI, light or dark, and in a Markdown file, so they bring their own
white background.
"""

from collections.abc import Sequence
from html import escape

WIDTH, ROW, LABEL, RIGHT = 640, 26, 190, 80
SIDE, PAD = 360, 48
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#8a8a8a"
FONT = 'font-family="system-ui, sans-serif" font-size="13" fill="#222"'


def draw_bars(title: str, names: Sequence[str], values: Sequence[float], unit: str = "") -> str:
    """Draws a bar for each name, with its value at the end. No value may be below zero."""
    most = max([*values, 0.0]) or 1.0
    rows = []
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        y = 34 + place * ROW
        length = (WIDTH - LABEL - RIGHT) * value / most
        rows.append(
            f'<text x="{LABEL - 8}" y="{y + 15}" text-anchor="end" {FONT}>{escape(name)}</text>'
            f'<rect x="{LABEL}" y="{y + 3}" width="{length:.1f}" height="{ROW - 9}" fill="{BLUE}"/>'
            f'<text x="{LABEL + length + 6:.1f}" y="{y + 15}" {FONT}>{value:,.4g}{unit}</text>'
        )
    return _svg(title, WIDTH, 44 + len(names) * ROW, "".join(rows))


def draw_calibration(title: str, expected: Sequence[float], actual: Sequence[float]) -> str:
    """Draws a point for each group of customers; it lies on the line if the forecast was exact."""
    most = max([*expected, *actual, 0.0]) or 1.0
    span = SIDE - 2 * PAD

    def place(value: float) -> float:
        return max(value, 0.0) / most * span

    low, high = PAD, PAD + span
    points = "".join(
        f'<circle cx="{low + place(x):.1f}" cy="{high - place(y):.1f}" r="5" fill="{ORANGE}"/>'
        for x, y in zip(expected, actual, strict=True)
    )
    frame = (
        f'<path d="M{low} {low} V{high} H{high}" stroke="{GREY}" fill="none"/>'
        f'<path d="M{low} {high} L{high} {low}" stroke="{GREY}" stroke-dasharray="5 4"/>'
        f'<text x="{SIDE / 2}" y="{high + 32}" text-anchor="middle" {FONT}>forecast</text>'
        f'<text x="16" y="{SIDE / 2}" text-anchor="middle" {FONT}'
        f' transform="rotate(-90 16 {SIDE / 2})">what came</text>'
        f'<text x="{high}" y="{high + 16}" text-anchor="end" {FONT}>{most:,.4g}</text>'
    )
    return _svg(title, SIDE, SIDE, frame + points)


def _svg(title: str, width: int, height: int, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img"><title>{escape(title)}</title>'
        f'<rect width="{width}" height="{height}" fill="white"/>'
        f'<text x="12" y="22" {FONT} font-weight="600">{escape(title)}</text>{body}</svg>'
    )
