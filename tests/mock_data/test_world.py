"""The default world has the right shape, and the same seed always gives the same world."""

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import fastexcel
import numpy as np
import polars as pl
import pytest

import mock_data
from landing_contract import read_contract
from mock_data.batch import make_batch
from mock_data.take_sample import SAMPLE, take_sample
from mock_data.truth import TABLES
from mock_data.world import NEVER, World, draw_people
from tests.mock_data.home import Home, Simulate, number

START, END, JUNE_30 = date(2025, 1, 1), date(2026, 11, 20), date(2025, 6, 30)


def _orders_of_people(home: Home) -> pl.DataFrame:
    """Returns completed purchases of both systems, each with the person who made it."""
    amount = pl.col("total_amount").cast(pl.Float64)
    month = pl.col("transaction_date").str.slice(0, 7)
    crm = home.table("transactions").filter(pl.col("status") == "completed", amount > 0)
    shop = home.table("workbook_transactions")
    orders = pl.concat([
        crm.select(source_system=pl.lit("crm"), source_id="customer_id", spent=amount, month=month),
        shop.select(source_system=pl.lit("workbooks"), source_id="customer_id",
                    spent=pl.col("amount").cast(pl.Float64), month=month),
    ])  # fmt: skip
    return orders.join(home.truth("identities"), on=["source_system", "source_id"])


def test_a_third_to_half_of_buyers_buy_once(default_world: Home) -> None:
    counts = _orders_of_people(default_world).group_by("person_id").len()
    assert 0.30 <= number((counts["len"] == 1).mean()) <= 0.45


def test_the_top_fifth_brings_most_revenue(default_world: Home) -> None:
    spent = _orders_of_people(default_world).group_by("person_id").agg(pl.col("spent").sum())
    ranked = spent["spent"].sort(descending=True)
    assert 0.50 <= number(ranked[: len(ranked) // 5].sum()) / number(ranked.sum()) <= 0.70


def test_orders_have_two_to_four_lines(default_world: Home) -> None:
    lines = default_world.table("transaction_items").filter(pl.col("line_total").cast(float) > 0)
    assert 2 <= lines.height / lines["transaction_id"].n_unique() <= 4


def test_a_third_of_customers_is_also_in_the_workbooks(default_world: Home) -> None:
    systems = default_world.truth("identities").group_by("person_id").agg(
        pl.col("source_system").unique()
    )  # fmt: skip
    in_crm = systems.filter(pl.col("source_system").list.contains("crm"))
    both = number(in_crm["source_system"].list.contains("workbooks").mean())
    only_shop = 1 - in_crm.height / systems.height
    assert 0.28 <= both <= 0.38
    assert 0.06 <= only_shop <= 0.10


def test_somebody_registers_every_day(default_world: Home) -> None:
    days = set(default_world.table("customers")["registration_date"].str.slice(0, 10))
    span = (END - START).days + 1
    assert {(START + timedelta(days=n)).isoformat() for n in range(span)} <= days


def test_personas_differ_in_what_can_be_seen(default_world: Home) -> None:
    orders = _orders_of_people(default_world).group_by("person_id").agg(
        orders=pl.len(), value=pl.col("spent").mean()
    )  # fmt: skip
    seen = orders.filter(pl.col("orders") >= 3).join(default_world.truth("people"), on="person_id")
    value = dict(seen.group_by("persona").agg(pl.col("value").median()).iter_rows())
    count = dict(seen.group_by("persona").agg(pl.col("orders").median()).iter_rows())
    assert value["Occasional Premiums"] > 2 * value["Transitional Shoppers"]
    assert value["Transitional Shoppers"] > 1.5 * value["Price-Sensitive Shoppers"]
    assert count["Engaged Regulars"] > 2 * count["Transitional Shoppers"]


def test_revenue_is_steady_and_every_persona_buys_in_every_month(default_world: Home) -> None:
    """Some personas leave within months, but others like them come."""
    orders = _orders_of_people(default_world).join(default_world.truth("people"), on="person_id")
    ten_months = r"^202[56]-(0\d|10)$"  # a mistyped date lies past 2099
    orders = orders.filter(pl.col("month").str.contains(ten_months))
    before, after = (
        number(orders.filter(pl.col("month").str.starts_with(year))["spent"].sum())
        for year in ("2025", "2026")
    )
    assert 0.95 <= after / before <= 1.15
    by_month = orders.group_by("month", "persona").agg(pl.col("spent").sum())
    shares = by_month.with_columns(share=pl.col("spent") / pl.col("spent").sum().over("month"))
    range_of = shares.group_by("persona").agg(low=pl.col("share").min(), high=pl.col("share").max())
    assert (range_of["high"] < 2.5 * range_of["low"]).all(), range_of


def test_nobody_shares_home_and_first_name() -> None:
    world = World(seed=7, customers=6000, start=START)
    people = draw_people(world, range(4800), 0)
    named = set(zip(people.household.tolist(), people.first_name.tolist(), strict=True))
    assert len(named) == len(people)
    assert len(set(people.household.tolist())) < 0.9 * len(people)


def test_many_first_names_indicate_the_gender(default_world: Home) -> None:
    declared = default_world.table("customers").filter(pl.col("gender").is_in(["M", "F"]))
    by_name = declared.group_by("first_name").agg(pl.len(), women=(pl.col("gender") == "F").mean())
    clear = by_name.filter((pl.col("len") >= 20) & ((pl.col("women") - 0.5).abs() >= 0.4))
    assert clear.height > 40


def _hash_tree(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bytes(simulate: Simulate, whole: Home) -> None:
    assert _hash_tree(simulate(JUNE_30).path) == _hash_tree(whole.path)


def test_another_seed_gives_another_world(simulate: Simulate, whole: Home) -> None:
    assert not simulate(JUNE_30, seed=4).table("customers").equals(whole.table("customers"))


def test_the_size_of_batches_changes_no_row(simulate: Simulate, whole: Home) -> None:
    other = simulate(JUNE_30, batch=37)
    for table in ("customers", "transactions", "tracking_events", "regional_sales", "inventory"):
        assert sorted(other.versions(table).rows()) == sorted(whole.versions(table).rows())
    for name in TABLES:
        assert sorted(other.truth(name).rows(), key=str) == sorted(
            whole.truth(name).rows(), key=str
        )


def test_no_two_orders_of_forty_years_share_an_id() -> None:
    world = World(seed=7, customers=20, start=date(1990, 1, 1))
    end = world.day_of(date(2032, 12, 31))
    batch = make_batch(world, range(world.people_by(end)), -NEVER, end, "")
    orders = batch.orders
    assert orders.is_return.any()
    assert np.bincount(orders.person[~orders.is_return]).max() > 1024
    assert len(np.unique(orders.uid)) == len(orders)


def test_every_table_has_its_file_with_the_contracts_columns(whole: Home) -> None:
    for table in read_contract().values():
        if table.name != "rates":
            ending = "xlsx" if table.is_workbook else "csv"
            path = whole.path / "landing" / table.folder / f"{table.file_stem}.{ending}"
            assert path.is_file()
            if ending == "csv":
                header = path.open(encoding="utf-8").readline().rstrip("\n")
                assert header.split(",") == list(table.column_names)


def test_workbooks_open_with_the_header_in_row_one(whole: Home) -> None:
    for table in (t for t in read_contract().values() if t.is_workbook):
        path = whole.path / "landing" / "workbooks" / f"{table.file_stem}.xlsx"
        sheet = fastexcel.read_excel(path).load_sheet(0, dtypes="string")
        assert [c.name for c in sheet.available_columns()] == list(table.column_names)
        assert sheet.height > 10


def test_long_workbooks_land_as_text(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_data.generation.ROWS_IN_A_WORKBOOK", 50)
    home = simulate(JUNE_30, customers=200, batch=60)
    folder = home.path / "landing" / "workbooks"
    assert (folder / "Transaction.csv").is_file()
    assert not (folder / "Transaction.xlsx").exists()
    ids = home.table("workbook_transactions")["customer_id"]
    assert len(ids) > 50
    assert (ids.str.len_chars() == 8).all()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"customers": 0}, "customers"), ({"end": date(2024, 1, 1)}, "before the first")],
)
def test_bad_arguments_are_refused(tmp_path: Path, wrong: dict[str, Any], sentence: str) -> None:
    asked: dict[str, Any] = {"customers": 10, "seed": 1, "start": START, "end": JUNE_30} | wrong
    with pytest.raises(ValueError, match=sentence):
        mock_data.generate(tmp_path, **asked)
    assert not list(tmp_path.iterdir())


def test_the_committed_sample_is_current(tmp_path: Path) -> None:
    fresh = take_sample(tmp_path)
    assert {p.relative_to(tmp_path) for p in fresh} == {
        p.relative_to(SAMPLE) for p in SAMPLE.rglob("*.csv")
    }
    for path in fresh:
        assert path.read_text() == (SAMPLE / path.relative_to(tmp_path)).read_text()
