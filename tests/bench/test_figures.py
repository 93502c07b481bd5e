"""The benchmark judges promises, names differences and prints a table that fits a terminal."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from bench.chart import draw_chart
from bench.figures import (
    LANDING_TO_PUBLISHED,
    MILLION,
    PROMISES,
    STOCK,
    Figure,
    complain,
    describe,
    judge,
)
from bench.report import describe_machine
from bench.road import compare_growth
from bench.table import format_table
from c360_dagster.settings import REPOSITORY

ROAD_AT_A_MILLION = Figure(
    customers=MILLION,
    name=LANDING_TO_PUBLISHED,
    rows=81_234_567,
    checksum="0123456789abcdef",
    seconds=612.4,
    megabytes=7_654.0,
    against="the limit",
    against_seconds=510.0,
    ratio=1.2,
    is_same=True,
)


@pytest.mark.parametrize(
    ("name", "customers", "ratio", "kept"),
    [
        (LANDING_TO_PUBLISHED, 1_000_000, 1.25, True),
        (LANDING_TO_PUBLISHED, 1_000_000, 1.26, False),
        (LANDING_TO_PUBLISHED, 100_000, 9.0, None),
        (STOCK, 5000, 8.0, True),
        (STOCK, 5000, 7.9, False),
        (STOCK, 100_000, 2.0, None),
        ("bronze", 1_000_000, 9.0, None),
    ],
)
def test_a_ratio_is_judged_at_the_size_that_was_promised(
    name: str,
    customers: int,
    ratio: float,
    kept: bool | None,  # noqa: FBT001
) -> None:
    assert judge(Figure(customers=customers, name=name, ratio=ratio)) is kept


def test_what_was_not_measured_is_not_judged() -> None:
    assert judge(Figure(customers=5000, name=STOCK)) is None


def test_a_broken_promise_is_a_sentence_with_figure_and_bound() -> None:
    assert complain([ROAD_AT_A_MILLION]) == []
    slow = replace(ROAD_AT_A_MILLION, ratio=1.31)
    assert complain([slow]) == [
        "1,000,000 customers, landing to published: ratio 1.31, promised ≤ 1.25."
    ]
    assert " 1.31 yes  ≤ 1.25 BROKEN" in format_table([slow])
    assert describe(slow)["is_kept"] is False


def test_stored_results_are_described_as_they_would_be_now() -> None:
    """Results name the promise that they were judged by, so a new promise needs new results."""
    results = json.loads((REPOSITORY / "bench" / "results.json").read_text("utf-8"))
    judged = {"promise", "is_kept"}
    for told in results["figures"]:
        measured = {name: value for name, value in told.items() if name not in judged}
        assert describe(Figure(**measured)) == told
    precise = describe(replace(ROAD_AT_A_MILLION, ratio=1.23456))
    assert (precise["ratio"], precise["promise"], precise["is_kept"]) == (
        1.235,
        "ratio ≤ 1.25",
        True,
    )


def test_rows_a_second_need_both_rows_and_seconds() -> None:
    assert replace(ROAD_AT_A_MILLION, rows=1200, seconds=600.0).rows_a_second == 2
    assert Figure(customers=1, name=LANDING_TO_PUBLISHED, rows=1).rows_a_second is None
    assert Figure(customers=1, name=LANDING_TO_PUBLISHED, seconds=1.0).rows_a_second is None


def test_differing_rows_are_reported_however_fast_the_run_was() -> None:
    wrong = replace(ROAD_AT_A_MILLION, is_same=False)
    (said,) = complain([wrong])
    assert "the rows differ from those of the limit" in said
    assert " NO " in format_table([wrong])


def test_the_table_fits_a_hundred_columns_with_the_largest_numbers() -> None:
    largest = [replace(ROAD_AT_A_MILLION, name=name, against="the limit") for name in PROMISES]
    told = format_table(largest)
    assert max(map(len, told.splitlines())) <= 100
    assert told.count("1,000,000 customers") == 1
    assert "81,234,567 012345" in told


def test_growth_is_measured_against_n_log_n() -> None:
    small = Figure(customers=100_000, name=LANDING_TO_PUBLISHED, seconds=60.0)
    (linear,) = compare_growth([small, replace(small, customers=MILLION, seconds=600.0)])
    (square,) = compare_growth([replace(small, customers=MILLION, seconds=6000.0), small])
    assert linear.ratio == pytest.approx(5 / 6)  # log(10^5) / log(10^6)
    assert judge(linear) is True
    assert judge(square) is False
    assert not compare_growth([small])


def test_the_picture_is_the_same_for_the_same_results() -> None:
    results = {"machine": describe_machine(), "figures": [describe(ROAD_AT_A_MILLION)]}
    again = json.loads(json.dumps(results))
    picture = draw_chart(results)
    assert picture == draw_chart(again)
    texts = [element.text for element in ET.fromstring(picture).iter() if element.text]  # noqa: S314
    assert "612 / 510 s, ×1.20" in texts


def test_the_machine_is_described_without_a_name() -> None:
    told = describe_machine()
    assert told["processors"] > 0
    assert told["memory_gb"] > 0
    assert not any("/" in str(value) for value in told.values())
