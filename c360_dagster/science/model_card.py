"""The model card: what the estimates were made from, how good they are, what the segments are like.

Takes frames and returns Markdown. The caller decides where charts are kept: in a file, or within
the text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from c360_dagster.science.charts import draw_bars, draw_calibration

INTRODUCTION = (
    "As of **{evidence.as_of}**, from {evidence.customers:,} customers and {evidence.orders:,} "
    "completed orders up to that day. Nothing later was used. Written by the run that made the "
    "estimates."
)
WHY_FIVE = (
    "Five are used because there are five personas; other numbers are tried to see whether one "
    "would be clearly better."
)
READING = (
    "Segments describe what customers did. A forecast is an expectation: of ten customers with "
    "80 % intervals, two are expected outside. Churn risk is the probability of no order in the "
    "twelve months after the as-of day. None of this says why, and none of it was made for "
    "judging a single person."
)

Link = Callable[[str, str], str]
"""Takes a chart's name and its SVG, and returns the address under which the page shows it."""


@dataclass(frozen=True)
class Evidence:
    """The tables of science and gold from which the card is written."""

    as_of: date
    customers: int
    orders: int
    evaluations: pl.DataFrame
    """check_name, is_passed, said; one row per check."""
    parameters: Mapping[str, Any]
    stability: pl.DataFrame
    calibration: pl.DataFrame
    clusters: pl.DataFrame
    centroids: pl.DataFrame


def write_card(evidence: Evidence, link: Link) -> str:
    parts = [
        "# Model card",
        INTRODUCTION.format(evidence=evidence),
        "## How good they are",
        _list_checks(evidence.evaluations),
        "## Segments",
        *_show_segments(evidence, link),
        "## Value and churn",
        *_show_forecast(evidence, link),
        "## How to read this",
        READING,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _list_checks(evaluations: pl.DataFrame) -> str:
    rows = [
        (name.replace("_", " "), "yes" if passed else "**no**", said or "")
        for name, passed, said in evaluations.select("check_name", "is_passed", "said").iter_rows()
    ]
    return _table(("requirement", "met", "measured"), rows)


def _show_segments(evidence: Evidence, link: Link) -> list[str]:
    clusters, stability = evidence.clusters, evidence.stability
    if clusters.is_empty():
        return ["There are no customers with orders yet."]
    shares = [round(100 * share, 1) for share in clusters["customer_share"]]
    sizes = draw_bars("Customers by persona", clusters["persona"].to_list(), shares, " %")
    ks = [f"{k} segments" for k in stability["clusters"]]
    steady = draw_bars("Stability (adjusted Rand index)", ks, stability["stability"].to_list())
    profile = _table(
        ("persona", "customers", "share of revenue", "expected in 12 months", "churn risk"),
        [
            (persona, f"{customers:,}", _percent(share), _number(value), _percent(risk))
            for persona, customers, share, value, risk in clusters.select(
                "persona", "customers", "revenue_share", "avg_clv_12m", "avg_churn_risk"
            ).iter_rows()
        ],
    )
    return [
        f"![Customers by persona]({link('personas', sizes)})",
        profile,
        "The centre of each segment, in the features' own units:",
        _show_centroids(evidence.centroids),
        f"![Stability by number of segments]({link('stability', steady)})",
        WHY_FIVE,
    ]


def _show_centroids(centroids: pl.DataFrame) -> str:
    features = sorted(centroids["feature"].unique())
    rows = [
        (persona, *(_number(value) for value in group.sort("feature")["value"]))
        for (_, persona), group in centroids.sort("cluster_id", "feature").group_by(
            "cluster_id", "persona", maintain_order=True
        )
    ]
    return _table(("persona", *(name.replace("_", " ") for name in features)), rows)


def _show_forecast(evidence: Evidence, link: Link) -> list[str]:
    """Puts the notes on what could not be done as usual first, because nobody should read a chart
    without knowing them."""
    shown = []
    for against, title in (("holdout", "since the cutoff"), ("future", "in the true future")):
        tenths = evidence.calibration.filter(pl.col("against") == against)
        if tenths.height:
            chart = draw_calibration(
                f"Spend {title}, by tenths",
                tenths["expected"].to_list(),
                tenths["actual"].to_list(),
            )
            shown.append(f"![Spend {title}]({link(f'calibration_{against}', chart)})")
    parameters = dict(evidence.parameters)
    notes = [f"- {note}" for note in parameters.pop("notes", [])]
    rows = [(name, _number(value)) for name, value in _flatten(parameters)]
    return ["\n".join(notes), *shown, "Parameters:", _table(("parameter", "value"), rows)]


def _flatten(values: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat += _flatten(value, f"{before}{name}.")
        elif not isinstance(value, Sequence) or isinstance(value, str) or value:
            flat.append((before + name, value))
    return flat


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, str | Sequence):
        return value if isinstance(value, str) else "; ".join(map(str, value))
    number = float(value)  # type: ignore[arg-type]  # a decimal or a float
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:,.4g}"


def _percent(value: object) -> str:
    return "" if value is None else f"{float(value):.1%}"  # type: ignore[arg-type]
