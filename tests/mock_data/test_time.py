"""Days that are added later tell the same story as days that are simulated in one call."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import mock_data
from landing_contract import read_contract
from mock_data import world
from mock_data.defects import RATES
from tests.mock_data.home import Home, Simulate

TABLES = [name for name in read_contract() if name != "rates"]
MARCH_31, JUNE_30 = date(2025, 3, 31), date(2025, 6, 30)


@pytest.fixture(scope="session")
def clean_pair(simulate: Simulate) -> tuple[Home, Home]:
    return simulate(JUNE_30, defects=False), simulate(MARCH_31, JUNE_30, defects=False)


@pytest.mark.parametrize("table", TABLES)
def test_two_calls_equal_one_without_defects(clean_pair: tuple[Home, Home], table: str) -> None:
    whole, split = clean_pair
    assert_frame_equal(split.table(table), whole.table(table), check_row_order=False)


@pytest.mark.parametrize("table", TABLES)
def test_two_calls_equal_one_with_defects(whole: Home, split: Home, table: str) -> None:
    assert_frame_equal(split.table(table), whole.table(table), check_row_order=False)


@pytest.mark.parametrize("table", ["transactions", "shipments", "support_tickets", "inventory"])
def test_a_later_file_corrects_earlier_rows(clean_pair: tuple[Home, Home], table: str) -> None:
    _, split = clean_pair
    assert split.versions(table).height > split.table(table).height


def test_a_second_answer_reverses_the_first(clean_pair: tuple[Home, Home]) -> None:
    _, split = clean_pair
    key = ["customer_id", "purpose"]
    told = split.versions("consents").group_by(key).agg(pl.col("granted"), pl.col("updated_at"))
    twice = told.filter(pl.col("granted").list.len() > 1)
    assert twice.height > 5
    assert set(twice["granted"].list.n_unique()) == {2}
    assert (twice["updated_at"].list.first() < twice["updated_at"].list.last()).all()


def test_a_later_file_repeats_no_unchanged_row(clean_pair: tuple[Home, Home]) -> None:
    _, split = clean_pair
    for table in TABLES:
        versions = split.versions(table)
        assert versions.height == versions.unique().height, table


def test_three_calls_over_the_new_year_equal_one(simulate: Simulate) -> None:
    ends = date(2025, 12, 30), date(2025, 12, 31), date(2026, 1, 31)
    whole, split = simulate(ends[-1], customers=200), simulate(*ends, customers=200)
    for table in TABLES:
        assert_frame_equal(split.table(table), whole.table(table), check_row_order=False)


def test_day_after_day_equals_one_call(tmp_path: Path) -> None:
    """Short-lived states agree too: a ticket that is being handled, a parcel on its third day."""
    ends = [date(2025, 5, day) for day in (12, 13, 14)]
    together, apart = tmp_path / "together", tmp_path / "apart"
    for home, days in ((together, ends[-1:]), (apart, ends)):
        for end in days:
            mock_data.generate(home, customers=1500, seed=3, start=date(2025, 5, 1), end=end)
    whole, split = Home(together), Home(apart)
    for table in TABLES:
        assert_frame_equal(split.table(table), whole.table(table), check_row_order=False)


def test_a_campaign_under_way_goes_on(simulate: Simulate, clean_pair: tuple[Home, Home]) -> None:
    """The second call reports who opened or clicked after the end of the first."""
    mailed = clean_pair[0].truth("campaigns").filter(channel="email")["start_date"]
    cut = date.fromisoformat(mailed[0]) + timedelta(days=1)
    end = cut + timedelta(days=7)
    then, whole, split = (
        simulate(*ends, customers=4000, defects=False) for ends in ([cut], [end], [cut, end])
    )
    table = "campaign_contacts"
    assert_frame_equal(split.table(table), whole.table(table), check_row_order=False)
    assert split.versions(table).height > split.table(table).height
    for column in ("opened_at", "clicked_at"):
        assert (then.table(table)[column].str.slice(0, 10) <= cut.isoformat()).all()


def test_a_move_changes_both_records_of_a_double_registration(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "RATES", {**RATES, "registered_twice": 1.0})
    whole, split = simulate(JUNE_30, customers=200), simulate(MARCH_31, JUNE_30, customers=200)
    assert_frame_equal(split.table("customers"), whole.table("customers"), check_row_order=False)


def test_the_future_keeps_the_rows_of_earlier_calls(split: Home, whole: Home) -> None:
    assert set(split.truth("future")["as_of"]) == {"2025-03-31", "2025-06-30"}
    now = split.truth("future").filter(as_of="2025-06-30")
    assert_frame_equal(now, whole.truth("future"))
    assert_frame_equal(split.truth("people"), whole.truth("people"))
    assert_frame_equal(split.truth("identities"), whole.truth("identities"), check_row_order=False)
