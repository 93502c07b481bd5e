"""Draws results.json as a picture: each stage's seconds at every size, ours and the limit's."""

from collections.abc import Iterable
from html import escape
from itertools import groupby
from typing import Any

from bench.figures import LANDING_TO_PUBLISHED

WIDTH, LEFT, RIGHT = 760, 150, 130
BAR, GAP, HEAD, FOOT = 11, 10, 46, 24
OURS, THEIRS, INK, PALE = "#2f6f9f", "#b9c4cc", "#222222", "#666666"
STAGES = ("bronze", "identity", "dbt", "science", "publish", LANDING_TO_PUBLISHED)
STYLE = "font-family='system-ui, sans-serif' font-size='12'"


def draw_chart(results: dict[str, Any]) -> str:
    """Returns the picture as SVG; the same results give the same bytes."""
    parts: list[str] = []
    top = HEAD
    for customers, group in groupby(results["figures"], key=lambda figure: figure["customers"]):
        stages = [f for f in group if f["name"] in STAGES]
        if stages:
            top = _draw_size(parts, top, customers, stages)
    height = top + FOOT
    machine = results["machine"]
    title = (
        f"Seconds from landing files to published tables, on {machine['processors']} processors: "
        "the pipeline (dark) and the same work bare (light)"
    )
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' "
        f"viewBox='0 0 {WIDTH} {height}' role='img' {STYLE} "
        f"aria-label='{escape(title, quote=True)}'>"
    )
    ground = f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>"
    return "\n".join([head, ground, _text(12, 22, title, INK), *parts, "</svg>"]) + "\n"


def _draw_size(parts: list[str], top: int, customers: int, stages: Iterable[dict[str, Any]]) -> int:
    """Draws the bars of one size on their own scale; returns where the next size may begin."""
    stages = list(stages)
    longest = max(max(stage["seconds"], stage["against_seconds"]) for stage in stages)
    scale = (WIDTH - LEFT - RIGHT) / longest
    parts.append(_text(12, top + 12, f"{customers:,} customers", INK, weight="bold"))
    top += 22
    for stage in stages:
        ours, theirs = stage["seconds"], stage["against_seconds"]
        parts.append(_text(LEFT - 8, top + BAR + 4, stage["name"], INK, anchor="end"))
        parts.append(_bar(top, ours * scale, OURS))
        parts.append(_bar(top + BAR, theirs * scale, THEIRS))
        label = f"{_seconds(ours)} / {_seconds(theirs)} s, ×{stage['ratio']:.2f}"
        end = LEFT + max(ours, theirs) * scale
        parts.append(_text(end + 6, top + BAR + 4, label, PALE))
        top += 2 * BAR + GAP
    return top + GAP


def _seconds(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _bar(top: int, length: float, colour: str) -> str:
    width = max(length, 1)
    return f"<rect x='{LEFT}' y='{top}' width='{width:.1f}' height='{BAR}' fill='{colour}'/>"


def _text(  # noqa: PLR0913  place, text and style
    x: float, y: float, text: str, colour: str, *, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f"<text x='{x:.1f}' y='{y}' fill='{colour}' text-anchor='{anchor}' "
        f"font-weight='{weight}'>{escape(text)}</text>"
    )
