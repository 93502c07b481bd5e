"""The simulator's report counts the defects that are really in its files."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest

import mock_data
from mock_data import world
from mock_data.defects import RATES
from tests.mock_data.home import Home, number


@pytest.fixture(scope="session")
def report(default_world: Home) -> dict[str, Any]:
    text = (default_world.path / "truth" / "defects.json").read_text()
    counted: dict[str, Any] = json.loads(text)
    return counted


def _lines(home: Home, file: str) -> list[str]:
    path: Path = home.path / "landing" / file
    return path.read_text("utf-8").splitlines()[1:]


def test_every_named_defect_is_planted(report: dict[str, Any]) -> None:
    assert set(report) == set(RATES)
    assert min(told["count"] for told in report.values()) > 0


def test_malformed_lines_are_extra_and_counted(default_world: Home, report: dict[str, Any]) -> None:
    lines = _lines(default_world, "sales/transactions.csv")
    strange = [
        x for x in lines
        if x.count(",") != 11 or '"' in x or "n/a!" in x or "2025-13-45" in x
    ]  # fmt: skip
    assert len(strange) == report["malformed_lines"]["files"]["transactions"]
    intact = {x.split(",")[0] for x in lines if x not in strange}
    assert {x.split(",")[0] for x in strange} <= intact


def test_repeated_rows_are_counted(default_world: Home, report: dict[str, Any]) -> None:
    rows = default_world.versions("transactions")
    repeated = rows.height - rows["transaction_id"].n_unique()
    assert repeated == report["repeated_rows"]["files"]["transactions"]


def test_negative_lines_that_are_no_returns_are_counted(
    default_world: Home, report: dict[str, Any]
) -> None:
    lines = default_world.table("transaction_items").with_columns(pl.col("quantity").cast(int))
    orders = default_world.table("transactions")
    is_return = orders.select("transaction_id", back=pl.col("subtotal").cast(float) < 0)
    odd = lines.join(is_return, on="transaction_id").filter(
        (pl.col("quantity") < 0) != pl.col("back")
    )
    assert odd.height == report["negative_quantities"]["count"]


def test_orphans_are_counted(default_world: Home, report: dict[str, Any]) -> None:
    known = default_world.table("customers")["customer_id"]
    orders = default_world.table("transactions").filter(pl.col("customer_id") != "")
    orphans = orders.filter(~pl.col("customer_id").is_in(known.implode()))
    assert orphans.height == report["orphan_keys"]["files"]["transactions"]


def test_second_registrations_are_counted(default_world: Home, report: dict[str, Any]) -> None:
    ids = default_world.truth("identities").filter(source_system="crm")
    assert ids.height - ids["person_id"].n_unique() == report["registered_twice"]["count"]


def test_second_registrations_differ_in_one_of_five_ways(default_world: Home) -> None:
    """A typo, swapped names, an old address, another phone; or a typo, another e-mail and phone."""
    people = default_world.table("customers").with_columns(
        pl.col("first_name", "last_name").str.strip_chars().str.to_lowercase(),
        pl.col("email").str.to_lowercase(),
        pl.col("phone").str.replace_all(r"\D", "").str.slice(-10),
    ).filter(pl.col("email").str.contains(r"^[^@\s]+@[^@\s]+\.[a-z]+$"))  # fmt: skip
    told = ("first_name", "last_name", "email", "phone", "address_line1")
    pairs = (
        people.join(default_world.truth("identities"), left_on="customer_id", right_on="source_id")
        .group_by("person_id")
        .agg(pl.col(told))
        .filter(pl.col("email").list.len() == 2)
    )
    ways = {
        frozenset(name for name in told if len(set(pair[name])) == 2)
        for pair in pairs.iter_rows(named=True)
    }
    assert ways == {
        frozenset({"last_name"}),
        frozenset({"first_name", "last_name"}),
        frozenset({"address_line1"}),
        frozenset({"phone"}),
        frozenset({"last_name", "email", "phone"}),
    }


def test_order_totals_are_off_by_a_cent(default_world: Home, report: dict[str, Any]) -> None:
    cents = pl.Decimal(18, 2)
    orders = default_world.table("transactions").with_columns(
        pl.col("subtotal", "tax_amount", "discount_amount", "total_amount").cast(cents)
    )
    off = orders.filter(
        pl.col("total_amount")
        != pl.col("subtotal") + pl.col("tax_amount") - pl.col("discount_amount")
    )
    assert off.height == report["header_off_by_a_cent"]["count"]


def test_prices_unlike_the_catalogue_are_counted(
    default_world: Home, report: dict[str, Any]
) -> None:
    lines = default_world.table("transaction_items").join(
        default_world.table("products"), on="product_id"
    )
    unlike = lines.filter(pl.col("unit_price") != pl.col("price")).height
    orphans = report["orphan_keys"]["files"]["transaction_items"]
    told = report["price_unlike_catalogue"]["count"]
    assert told - orphans <= unlike <= told
    assert told > 100


def test_future_dates_lie_after_2099(default_world: Home, report: dict[str, Any]) -> None:
    years = default_world.table("transactions")["transaction_date"].str.slice(0, 4)
    assert (years > "2099").sum() == report["future_dates"]["files"]["transactions"]
    assert not ((years > "2026") & (years <= "2099")).any()


@pytest.mark.parametrize("first", [date(1995, 1, 1), date(2058, 11, 1)])
def test_future_dates_lie_after_2099_whenever_the_simulation_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: date
) -> None:
    monkeypatch.setattr(world, "RATES", {**RATES, "future_dates": 0.5})
    last = first + timedelta(days=400)
    mock_data.generate(tmp_path, customers=20, seed=3, start=first, end=last)
    for table, column in (("transactions", "transaction_date"), ("app_usage", "session_start")):
        days = Home(tmp_path).table(table)[column]
        assert set((days > last.isoformat()) ^ (days < "2100")) == {True}, table
        assert (days > "2100").any(), table


def test_invalid_mail_is_counted(default_world: Home, report: dict[str, Any]) -> None:
    mail = default_world.table("customers")["email"].str.to_lowercase()
    invalid = ~mail.str.contains(r"^[^@\s]+@[^@\s]+\.[a-z]+$")
    told = report["invalid_emails"]["count"]
    assert told * 0.9 <= invalid.sum() <= told


def test_workbook_cells_are_of_mixed_types(whole: Home) -> None:
    path = whole.path / "landing" / "workbooks" / "Transaction.xlsx"
    amounts = pl.read_excel(path, infer_schema_length=0)["amount"]
    assert amounts.cast(pl.Float64).is_not_null().all()
    ids = fastexcel.read_excel(path).load_sheet(0, dtypes="string").to_polars()["customer_id"]
    assert ids.str.starts_with("0").any()
    assert (ids.str.len_chars() == 8).all()


def test_durations_are_written_three_ways(whole: Home) -> None:
    spoken = whole.table("web_interactions")["session_duration"]
    assert spoken.str.ends_with(" min").any()
    assert spoken.str.ends_with(" s").any()
    assert spoken.str.contains(r"^\d+$").any()
    said = pl.DataFrame(
        {"n": spoken.str.extract(r"^(\d+)").cast(int), "unit": spoken.str.slice(-1)}
    )
    minutes, seconds = (number(said.filter(unit=end)["n"].median()) for end in "ns")
    assert 0.5 < minutes * 60 / seconds < 2


def test_counts_go_on_over_calls(split: Home, whole: Home) -> None:
    together, apart = (
        json.loads((home.path / "truth" / "defects.json").read_text()) for home in (whole, split)
    )
    assert apart["negative_quantities"]["count"] == together["negative_quantities"]["count"]
    assert len(apart["negative_quantities"]["files"]) == 2 or (
        together["negative_quantities"]["count"] < 5
    )
