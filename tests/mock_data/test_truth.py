"""The simulator's truth agrees with what the files show, now or in the following year."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from mock_data.truth import earlier_tally
from tests.mock_data.home import Home, Simulate, number

APRIL_30, END = date(2025, 4, 30), "2025-06-30"
CENTS = pl.Decimal(18, 2)


@pytest.mark.parametrize(
    ("system", "table"), [("crm", "customers"), ("workbooks", "customer_master")]
)
def test_identities_list_every_customer_in_the_files(
    whole: Home, default_world: Home, system: str, table: str
) -> None:
    for home in (whole, default_world):
        told = home.truth("identities").filter(source_system=system)["source_id"]
        assert told.is_unique().all()
        assert set(told) == set(home.table(table)["customer_id"])


def test_the_true_future_is_what_later_files_hold(simulate: Simulate, clean_world: Home) -> None:
    """The truth may count a few more orders, because files do not show who ordered as a guest.

    The test looks at people whom only the CRM knows.
    """
    then = simulate(date.fromisoformat(END), customers=800, defects=False)
    told = then.truth("future").join(
        clean_world.truth("people").filter(in_workbooks="false"), on="person_id"
    )
    assert (told.filter(pl.col("first_order_date") != "")["first_order_date"] > END).all()
    day = pl.col("transaction_date").str.slice(0, 10)
    came = clean_world.table("transactions").filter(
        (day > END) & (day <= "2026-06-30"),
        pl.col("status") == "completed",
        pl.col("subtotal").cast(CENTS) > 0,
    ).join(
        clean_world.truth("identities"), left_on="customer_id", right_on="source_id"
    ).group_by("person_id").agg(
        came=pl.len(),
        earned=(pl.col("subtotal").cast(CENTS) - pl.col("discount_amount").cast(CENTS)).sum(),
        first=day.min(),
    )  # fmt: skip
    both = told.join(came, on="person_id", how="left").with_columns(
        pl.col("orders").cast(pl.Int64), pl.col("came").fill_null(0)
    )
    assert (both["orders"] >= both["came"]).all()
    assert 1 < number(both["orders"].sum()) / number(both["came"].sum()) < 1.05
    seen = both.filter(pl.col("orders") == pl.col("came"), pl.col("came") > 0)
    assert seen.height > 100
    assert (seen["spend"].cast(CENTS) == seen["earned"]).all()
    assert (seen["first_order_date"] == seen["first"]).all()


def test_the_true_future_of_web_shop_customers_equals_their_later_orders(
    simulate: Simulate, clean_world: Home
) -> None:
    """The web shop's files show every order, because all of their orders stand."""
    then = simulate(date.fromisoformat(END), customers=800, defects=False)
    alone = clean_world.truth("people").filter(in_crm="false")["person_id"]
    day = pl.col("transaction_date").str.slice(0, 10)
    came = clean_world.table("workbook_transactions").join(
        clean_world.truth("identities"), left_on="customer_id", right_on="source_id"
    ).filter(
        pl.col("person_id").is_in(alone.implode()), day > END, day <= "2026-06-30"
    ).group_by("person_id").len()  # fmt: skip
    told = then.truth("future").filter(pl.col("person_id").is_in(alone.implode()))
    both = told.join(came, on="person_id", how="left")
    assert came.height > 30
    assert (both["orders"].cast(pl.Int64) == both["len"].fill_null(0)).all()


def test_people_who_never_buy_or_buy_once_do_so(clean_world: Home) -> None:
    people = clean_world.truth("people").join(
        clean_world.truth("identities"), on="person_id"
    ).select("never_buys", "buys_once", "person_id", customer_id="source_id")  # fmt: skip
    crm = clean_world.table("transactions").filter(pl.col("subtotal").cast(CENTS) > 0)
    bought = pl.concat([
        crm.select("customer_id"), clean_world.table("workbook_transactions").select("customer_id")
    ])  # fmt: skip
    orders = people.join(bought, on="customer_id").group_by("never_buys", "buys_once", "person_id")
    counts = orders.len()
    assert counts.filter(never_buys="true").is_empty()
    assert set(counts.filter(buys_once="true")["len"]) == {1}


def test_people_who_left_neither_buy_nor_visit_for_long(clean_world: Home) -> None:
    left = clean_world.truth("people").filter(pl.col("leaves_on").fill_null("") != "")
    known = left.join(clean_world.truth("identities"), on="person_id").select(
        pl.col("leaves_on").str.to_date(), customer_id="source_id"
    )
    for table, moment, grace in (("transactions", "transaction_date", 0),
                                 ("app_usage", "session_date", 20)):  # fmt: skip
        done = clean_world.table(table).join(known, on="customer_id").with_columns(
            day=pl.col(moment).str.slice(0, 10).str.to_date()
        )  # fmt: skip
        if table == "transactions":
            done = done.filter(pl.col("subtotal").cast(CENTS) > 0)
        after = (done["day"] - done["leaves_on"]).dt.total_days()
        assert done.height > 1000
        assert number(after.max()) <= grace, table


def test_defects_of_a_broken_off_attempt_do_not_count(tmp_path: Path) -> None:
    files = {"customers": 1, "customers_2025-04-30": 2, "customers_2025-05-31": 4}
    told = {"stray_spaces": {"rate": 0.03, "count": 7, "files": files}}
    (tmp_path / "defects.json").write_text(json.dumps(told))
    assert earlier_tally(tmp_path, APRIL_30).counts == {
        "stray_spaces": {"customers": 1, "customers_2025-04-30": 2}
    }
