"""Arithmetic, keys and causes are right in a world without defects."""

import json
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import polars as pl
import pytest

import mock_data
from mock_data.world import World
from tests.mock_data.conftest import END
from tests.mock_data.home import Home, Simulate, number

CENTS = pl.Decimal(18, 2)
KEYS = [
    ("transactions", "customer_id", "customers", "customer_id"),
    ("transaction_items", "transaction_id", "transactions", "transaction_id"),
    ("transaction_items", "product_id", "products", "product_id"),
    ("transactions", "store_id", "warehouse_locations", "location_id"),
    ("shipments", "transaction_id", "transactions", "transaction_id"),
    ("shipments", "origin_location", "warehouse_locations", "location_id"),
    ("tracking_events", "shipment_id", "shipments", "shipment_id"),
    ("support_tickets", "customer_id", "customers", "customer_id"),
    ("app_usage", "customer_id", "customers", "customer_id"),
    ("consents", "customer_id", "customers", "customer_id"),
    ("loyalty_program", "customer_id", "customers", "customer_id"),
    ("campaign_contacts", "customer_id", "customers", "customer_id"),
    ("campaign_contacts", "campaign_id", "campaigns", "campaign_id"),
    ("inventory", "product_id", "products", "product_id"),
    ("inventory", "location_id", "warehouse_locations", "location_id"),
    ("product_suppliers", "product_id", "products", "product_id"),
    ("product_suppliers", "supplier_id", "suppliers", "supplier_id"),
    ("products", "subcategory", "product_families", "subcategory"),
    ("workbook_transactions", "customer_id", "customer_master", "customer_id"),
    ("customer_support", "customer_id", "customer_master", "customer_id"),
    ("web_interactions", "customer_id", "customer_master", "customer_id"),
]


@pytest.mark.parametrize(("table", "column", "parent", "key"), KEYS)
def test_keys_resolve(clean_world: Home, table: str, column: str, parent: str, key: str) -> None:
    used = set(clean_world.table(table)[column]) - {"", None}
    assert used
    assert used <= set(clean_world.table(parent)[key])


def test_lines_and_headers_add_up(clean_world: Home) -> None:
    lines = clean_world.table("transaction_items").with_columns(
        pl.col("unit_price", "line_total", "discount_applied").cast(CENTS),
        pl.col("quantity").cast(pl.Int64),
    )
    assert (lines["line_total"] == lines["quantity"] * lines["unit_price"]).all()
    sums = lines.group_by("transaction_id").agg(pl.col("line_total", "discount_applied").sum())
    orders = clean_world.table("transactions").join(sums, on="transaction_id", how="left")
    for row in orders.iter_rows(named=True):
        subtotal, tax = Decimal(row["subtotal"]), Decimal(row["tax_amount"])
        assert subtotal == row["line_total"]
        assert Decimal(row["discount_amount"]) == row["discount_applied"]
        assert tax == (subtotal * 8 / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert Decimal(row["total_amount"]) == subtotal + tax - row["discount_applied"]


def test_only_store_orders_name_a_store_and_are_paid_in_cash(clean_world: Home) -> None:
    orders = clean_world.table("transactions")
    assert ((orders["channel"] == "store") == (orders["store_id"] != "")).all()
    assert set(orders.filter(payment_method="cash")["channel"]) == {"store"}


def test_guests_returns_cancellations_and_refunds_happen(clean_world: Home) -> None:
    orders = clean_world.table("transactions")
    assert 0.015 < number((orders["customer_id"] == "").mean()) < 0.05
    returns = orders.filter(pl.col("total_amount").cast(float) < 0)
    assert 0.02 < returns.height / orders.height < 0.08
    assert set(returns["status"]) == {"completed"}
    assert {"cancelled", "refunded"} <= set(orders["status"])


def test_regional_sales_add_up_from_completed_orders(clean_world: Home) -> None:
    """A sale's region is the store's state, online the customer's state, for guests the country."""
    where = ["region_id", "sales_date"]
    stores = clean_world.table("warehouse_locations").select(
        store_id="location_id", store_state="state"
    )
    orders = (
        clean_world.table("transactions")
        .join(clean_world.table("customers").select("customer_id", "state"),
              on="customer_id", how="left")
        .join(stores, on="store_id", how="left")
        .with_columns(
            region_id=pl.coalesce("store_state", "state", pl.lit("US")),
            sales_date=pl.col("transaction_date").str.slice(0, 10),
        )
    )  # fmt: skip
    booked = orders.filter(status="completed").group_by(where).agg(
        orders=pl.len(), revenue=pl.col("total_amount").cast(CENTS).sum()
    )  # fmt: skip
    ledger = clean_world.table("regional_sales").select(
        *where, pl.col("total_revenue", "average_order_value").cast(CENTS),
        count=pl.col("total_transactions").cast(pl.Int64),
    )  # fmt: skip
    both = booked.join(ledger, on=where, how="left")
    assert (both["orders"] == both["count"]).all()
    assert (both["revenue"] == both["total_revenue"]).all()
    assert ledger.join(orders, on=where, how="anti").is_empty()
    assert ledger.join(booked, on=where, how="anti")["count"].sum() == 0
    for revenue, average, count in ledger.drop(where).iter_rows():
        assert abs(average * count - revenue) <= Decimal("0.005") * max(count, 1)


def test_one_primary_supplier_a_product(clean_world: Home) -> None:
    primary = clean_world.table("product_suppliers").filter(is_primary="true")
    products = clean_world.table("products")["product_id"]
    assert primary["product_id"].sort().equals(products.sort())


def test_points_add_up(clean_world: Home) -> None:
    accounts = clean_world.table("loyalty_program").with_columns(
        pl.col("^points.*$").cast(pl.Int64)
    )  # fmt: skip
    assert (
        accounts["points_balance"]
        == accounts["points_earned_ytd"] - accounts["points_redeemed_ytd"]
    ).all()
    assert (accounts["points_balance"] >= 0).all()
    assert (accounts["points_redeemed_ytd"] > 0).any()
    assert set(accounts["loyalty_tier"]) == {"Bronze", "Silver", "Gold", "Platinum"}


def test_points_are_earned_from_the_day_of_joining(clean_world: Home) -> None:
    """A member who is still in the first tier joined on its first day.

    Points count from the new year on, because points_earned_ytd begins again each year.
    """
    accounts = clean_world.table("loyalty_program").filter(loyalty_tier="Bronze")
    bought = clean_world.table("transactions").filter(
        pl.col("status") == "completed",
        pl.col("subtotal").cast(CENTS) > 0,
        pl.col("transaction_date") > "2026",
    )
    points = (pl.col("subtotal").cast(CENTS) - pl.col("discount_amount").cast(CENTS)).floor()
    earned = (
        accounts.join(bought, on="customer_id")
        .filter(pl.col("transaction_date").str.slice(0, 10) >= pl.col("tier_start_date"))
        .group_by("customer_id")
        .agg(points=points.sum().cast(pl.Int64))
    )
    both = accounts.join(earned, on="customer_id", how="left")
    told = both["points_earned_ytd"].cast(pl.Int64)
    assert told.equals(both["points"].fill_null(0), check_names=False)
    assert told.sum() > 0


def test_a_tier_begins_with_the_purchase_that_reached_it(clean_world: Home) -> None:
    """Silver, gold and platinum need 400, 1 500 and 4 000 points; each dollar is one point."""
    needed = {"Silver": 400, "Gold": 1500, "Platinum": 4000}
    members = clean_world.table("loyalty_program").filter(pl.col("loyalty_tier") != "Bronze")
    points = pl.col("subtotal").cast(CENTS) - pl.col("discount_amount").cast(CENTS)
    bought = clean_world.table("transactions").filter(
        pl.col("status") == "completed", pl.col("subtotal").cast(CENTS) > 0
    )
    day, start = pl.col("transaction_date").str.slice(0, 10), pl.col("tier_start_date")
    told = (
        members.join(bought, on="customer_id")
        .group_by("customer_id", "loyalty_tier")
        .agg(
            reached=points.filter(day <= start).sum().cast(pl.Int64),
            on_the_day=(day == start).any(),
        )
        .with_columns(needed=pl.col("loyalty_tier").replace_strict(needed))
    )
    assert told.height == members.height > 50
    assert told["on_the_day"].all()
    assert (told["reached"] >= told["needed"]).all()


def test_lifetime_value_is_what_was_spent(clean_world: Home) -> None:
    orders = clean_world.table("transactions").filter(pl.col("status") == "completed")
    spent = orders.group_by("customer_id").agg(pl.col("total_amount").cast(CENTS).sum())
    accounts = clean_world.table("loyalty_program").join(spent, on="customer_id", how="left")
    told = accounts["lifetime_value"].cast(CENTS)
    assert (told == accounts["total_amount"].fill_null(Decimal(0))).all()


def test_open_tickets_have_neither_end_nor_score(clean_world: Home) -> None:
    tickets = clean_world.table("support_tickets")
    is_open = tickets["status"].is_in(["open", "in_progress"])
    assert is_open.any()
    assert (is_open == (tickets["resolved_date"] == "")).all()
    assert (tickets.filter(is_open)["satisfaction_score"] == "").all()
    came_today = tickets["created_date"].str.starts_with("2026-11-20") & is_open
    assert (came_today == (tickets["status"] == "open")).all()
    solved = tickets.filter(~is_open)
    assert (solved["resolved_date"] > solved["created_date"]).all()
    a_week_ago = pl.col("resolved_date").str.slice(0, 10) <= "2026-11-13"
    assert set(solved.filter(a_week_ago)["status"]) == {"closed"}
    assert set(solved.filter(~a_week_ago)["status"]) == {"resolved"}


def test_parcels_are_scanned_in_order(clean_world: Home) -> None:
    steps = ["picked_up", "in_transit", "delayed", "out_for_delivery", "delivered", "returned"]
    scans = clean_world.table("tracking_events").with_columns(
        step=pl.col("event_type").replace_strict(steps, range(len(steps)), return_dtype=pl.Int64)
    )
    ordered = scans.sort("shipment_id", "event_timestamp", "step")
    same = ordered["shipment_id"] == ordered["shipment_id"].shift(1)
    assert (ordered["step"].diff().filter(same) > 0).all()
    parcels = clean_world.table("shipments")
    arrived = parcels.filter(pl.col("actual_delivery") != "")
    assert (arrived["actual_delivery"] >= arrived["ship_date"]).all()
    assert set(arrived["delivery_status"]) == {"delivered"}
    delivered = scans.filter(event_type="delivered").join(arrived, on="shipment_id")
    assert delivered.height == arrived.height
    days = delivered["event_timestamp"].str.slice(0, 10)
    assert (days == delivered["actual_delivery"]).all()


def test_parcels_end_in_every_way_and_the_last_scan_says_how(clean_world: Home) -> None:
    parcels = clean_world.table("shipments")
    assert {"delivered", "returned", "lost"} <= set(parcels["delivery_status"])
    scans = clean_world.table("tracking_events")
    for way in ("delivered", "returned"):
        scanned = set(scans.filter(event_type=way)["shipment_id"])
        assert scanned == set(parcels.filter(delivery_status=way)["shipment_id"]), way
    cost = dict(
        parcels.group_by("service_level")
        .agg(pl.col("shipping_cost").cast(float).mean())
        .iter_rows()
    )
    assert cost["overnight"] > 1.5 * cost["expedited"] > 2 * cost["standard"]


def test_late_parcels_bring_tickets(clean_world: Home) -> None:
    parcels = clean_world.table("shipments").filter(pl.col("actual_delivery") != "")
    complained = clean_world.table("support_tickets")["ticket_id"].str.slice(1)
    parcels = parcels.with_columns(
        is_late=pl.col("actual_delivery") > pl.col("estimated_delivery"),
        complained=pl.col("shipment_id").str.slice(1).is_in(complained.implode()),
    )
    share = dict(parcels.group_by("is_late").agg(pl.col("complained").mean()).iter_rows())
    assert share[True] > 2 * share[False]


def test_bad_products_bring_tickets(default_world: Home) -> None:
    quality = default_world.truth("products").select(
        "product_id", is_bad=pl.col("quality").cast(float) < 0.6
    )
    about = pl.col("category").is_in(["product", "returns"])
    told = default_world.table("support_tickets").filter(about)["ticket_id"].str.slice(1)
    orders = (
        default_world.table("transaction_items")
        .join(quality, on="product_id")
        .group_by(order=pl.col("transaction_id").str.slice(1))
        .agg(pl.col("is_bad").any())
        .with_columns(complained=pl.col("order").is_in(told.implode()))
    )
    share = dict(orders.group_by("is_bad").agg(pl.col("complained").mean()).iter_rows())
    assert share[True] > 3 * share[False]


def test_slow_and_shipping_tickets_get_lower_scores_and_some_none(default_world: Home) -> None:
    moment = pl.col("resolved_date", "created_date").str.to_datetime()
    solved = default_world.table("support_tickets").filter(pl.col("resolved_date") != "")
    answered = solved["satisfaction_score"] != ""
    assert 0.65 < number(answered.mean()) < 0.75
    scores = solved.filter(answered).with_columns(moment).select(
        score=pl.col("satisfaction_score").cast(int),
        is_shipping=pl.col("category") == "shipping",
        days=(pl.col("resolved_date") - pl.col("created_date")).dt.total_days(),
    )  # fmt: skip
    others = scores.filter(~pl.col("is_shipping"))
    quick, slow = (others.filter(of)["score"] for of in (pl.col("days") < 1, pl.col("days") > 3))
    assert number(quick.mean()) > number(slow.mean()) + 0.5
    quick_of_parcels = scores.filter("is_shipping", pl.col("days") < 1)["score"]
    assert number(quick.mean()) > number(quick_of_parcels.mean()) + 0.5


def test_sessions_rise_before_purchases(clean_world: Home) -> None:
    orders = clean_world.table("transactions").filter(pl.col("customer_id") != "").select(
        "customer_id", bought=pl.col("transaction_date").str.slice(0, 10).str.to_date()
    )  # fmt: skip
    visits = clean_world.table("app_usage").select(
        "customer_id", visited=pl.col("session_date").str.to_date()
    )
    ahead = visits.join(orders, on="customer_id").select(
        days=(pl.col("bought") - pl.col("visited")).dt.total_days()
    )["days"]  # fmt: skip
    assert number(ahead.is_between(0, 6).sum()) > 1.5 * number(ahead.is_between(-14, -8).sum())


def test_the_treated_buy_more_than_the_controls(default_world: Home) -> None:
    contacts = default_world.table("campaign_contacts").join(
        default_world.table("campaigns"), on="campaign_id"
    )
    orders = default_world.table("transactions").filter(
        pl.col("total_amount").cast(float) > 0
    ).select("customer_id", bought=pl.col("transaction_date").str.slice(0, 10))  # fmt: skip
    within = contacts.join(orders, on="customer_id").filter(
        pl.col("bought").is_between(pl.col("start_date"), pl.col("end_date"))
    )
    sizes = dict(contacts.group_by("group").len().iter_rows())
    bought = dict(within.group_by("group").len().iter_rows())
    rate = {group: bought[group] / sizes[group] for group in sizes}
    assert 1.3 < rate["treatment"] / rate["control"] < 2.6
    assert 0.6 < sizes["treatment"] / (sizes["treatment"] + sizes["control"]) < 0.7
    lifts = default_world.truth("campaigns")["lift"].cast(float)
    assert number(lifts.min()) < 0.1, "many campaigns hardly work"
    assert number(lifts.max()) > 0.6, "and a few do"


def test_only_the_treated_open_and_only_openers_click(clean_world: Home) -> None:
    contacts = clean_world.table("campaign_contacts")
    opened, clicked = contacts["opened_at"] != "", contacts["clicked_at"] != ""
    assert set(contacts.filter(opened)["group"]) == {"treatment"}
    assert clicked.any()
    assert (opened | ~clicked).all()
    assert (contacts["opened_at"] > contacts["sent_at"]).filter(opened).all()
    assert (contacts["clicked_at"] > contacts["opened_at"]).filter(clicked).all()


@pytest.mark.parametrize(
    ("table", "moment", "people", "since"),
    [
        ("transactions", "transaction_date", "customers", "registration_date"),
        ("app_usage", "session_start", "customers", "registration_date"),
        ("consents", "updated_at", "customers", "registration_date"),
        ("campaign_contacts", "sent_at", "customers", "registration_date"),
        ("workbook_transactions", "transaction_date", "customer_master", "signup_date"),
        ("web_interactions", "interaction_date", "customer_master", "signup_date"),
    ],
)
def test_nobody_does_anything_before_registering(
    default_world: Home, table: str, moment: str, people: str, since: str
) -> None:
    """Not even earlier on that day. Who registers twice uses the second id only from then on."""
    done = default_world.table(table).join(default_world.table(people), on="customer_id")
    assert done.height > 0
    assert (done[moment] >= done[since]).all()


def test_nobody_registers_as_a_child(default_world: Home, tmp_path: Path) -> None:
    """The simulated period does not matter: the second world is in 1990."""
    mock_data.generate(
        tmp_path, customers=200, seed=3, start=date(1990, 1, 1), end=date(1990, 1, 31)
    )
    for home in (default_world, Home(tmp_path)):
        people = home.table("customers")
        born, since = people["date_of_birth"].str.to_date(), people["registration_date"]
        assert (born.dt.offset_by("18y") <= since.str.slice(0, 10).str.to_date()).all()
        assert (born.dt.offset_by("90y") > since.str.slice(0, 10).str.to_date()).all()


def test_the_web_shop_is_visited_by_its_own_customers(clean_world: Home) -> None:
    visits = clean_world.table("web_interactions").join(
        clean_world.table("customer_master"), on="customer_id"
    )
    signed_up = visits["signup_date"].str.slice(0, 10)
    assert (visits["interaction_date"].str.slice(0, 10) >= signed_up).all()


@pytest.fixture(scope="module")
def two_calls(simulate: Simulate) -> Home:
    """A world made by two calls. What people changed in between shows in the files of both."""
    return simulate(date(2025, 8, 31), END, customers=800, defects=False)


def test_parcels_go_where_the_buyer_lives_on_the_day(two_calls: Home) -> None:
    at_home = pl.col("address_line1")
    moved = two_calls.versions("customers").group_by("customer_id", maintain_order=True).agg(
        old=at_home.first(), new=at_home.last()
    ).filter(pl.col("old") != pl.col("new"))  # fmt: skip
    sent = moved.join(two_calls.table("transactions"), on="customer_id").join(
        two_calls.table("shipments"), on="transaction_id"
    )
    day, to = pl.col("transaction_date").str.slice(0, 10), pl.col("destination_address")
    goes = sent.select(
        early=day <= "2025-08-31",
        old=to.str.starts_with(pl.col("old")),
        new=to.str.starts_with(pl.col("new")),
    )
    assert (goes["old"] ^ goes["new"]).all()
    assert goes.filter("early").height > 20
    assert goes.filter("early")["old"].all()
    assert goes.filter(~pl.col("early"))["new"].any()


def test_nobody_is_written_to_without_consent(two_calls: Home) -> None:
    """Nobody gets messages who never consented or withdrew; later consent allows later messages."""
    home = two_calls
    told = home.versions("consents").with_columns(
        channel=pl.col("purpose").str.strip_prefix("marketing_")
    )
    asked = home.table("campaign_contacts").join(home.table("campaigns"), on="campaign_id")
    asked = asked.select("contact_id", "customer_id", "channel", "sent_at")
    known = asked.join(told, on=["customer_id", "channel"])
    assert {"email", "sms"} == set(known["channel"])
    before = known.filter(pl.col("updated_at") <= pl.col("sent_at")).sort("updated_at")
    last = before.group_by("contact_id", maintain_order=True).last()
    assert set(last["granted"]) == {"true"}
    since = home.table("customers").select("customer_id", "registration_date")
    first = last.join(since, on="customer_id")
    assert (first["updated_at"] > first["registration_date"]).any()


def test_discontinued_products_are_sold_until_that_day(clean_world: Home) -> None:
    gone = clean_world.table("products").filter(status="discontinued")["product_id"]
    days = World(seed=3, customers=800, start=date(2025, 1, 1)).catalogue.discontinued_on
    sold = (
        clean_world.table("transaction_items")
        .filter(pl.col("line_total").cast(CENTS) > 0, pl.col("product_id").is_in(gone.implode()))
        .join(clean_world.table("transactions"), on="transaction_id")
        .group_by("product_id")
        .agg(last=pl.col("transaction_date").max().str.slice(0, 10))
    )
    assert 0 < sold.height < len(gone)
    for product, last in sold.iter_rows():
        assert last < (date(2025, 1, 1) + timedelta(int(days[int(product[1:]) - 1]))).isoformat()


def test_towns_postal_codes_and_states_agree(clean_world: Home) -> None:
    """Each town has one postal code, which begins like its state's.

    Stores are in towns of their state.
    """
    people = clean_world.table("customers")
    towns = people.group_by("state", "city").agg(pl.col("zip_code").n_unique())
    assert set(towns["zip_code"]) == {1}
    assert people.group_by("zip_code").agg(pl.col("city").n_unique())["city"].max() == 1
    first = dict(people.group_by("state").agg(pl.col("zip_code").str.slice(0, 2).unique()).rows())
    for state, area in {"CA": "90", "TX": "75", "NY": "10", "MA": "01", "NJ": "07"}.items():
        assert first[state] == [area]
    places = clean_world.table("warehouse_locations")
    homes = people.group_by("city").agg(home=pl.col("state").unique())
    known = places.join(homes, on="city")
    assert known.height > 10
    assert known.select(pl.col("home") == pl.concat_list("state")).to_series().all()


def test_people_buy_in_the_store_near_them(clean_world: Home) -> None:
    places = clean_world.table("warehouse_locations").select("location_id", near="state")
    visits = (
        clean_world.table("transactions")
        .join(clean_world.table("customers"), on="customer_id")
        .join(places, left_on="store_id", right_on="location_id")
    )
    with_store = visits.filter(pl.col("state").is_in(visits["near"].unique().implode()))
    assert 0.8 < number((with_store["state"] == with_store["near"]).mean()) < 1
    without = visits.filter(state="WA")
    assert number((without["near"] == "CA").mean()) > 0.8


def test_a_products_name_belongs_to_its_subcategory(clean_world: Home) -> None:
    noun = pl.col("product_name").str.split(" ").list.last()
    told = clean_world.table("products").group_by(noun).agg(pl.col("subcategory").n_unique())
    assert set(told["subcategory"]) == {1}


def test_stores_convert_more_visitors_than_the_web_shop(default_world: Home) -> None:
    visits = default_world.table("arrivals").group_by("channel").agg(
        pl.col("arrivals").cast(pl.Int64).sum()
    )  # fmt: skip
    orders = default_world.table("transactions").group_by("channel").len()
    both = orders.join(visits, on="channel")
    rate = dict(zip(both["channel"], both["len"] / both["arrivals"], strict=True))
    assert 0.15 < rate["store"] < 0.4
    assert 0.01 < rate["online"] < 0.06


def test_complements_are_bought_together(default_world: Home) -> None:
    pairs = default_world.truth("products").filter(pl.col("bought_with").fill_null("") != "")
    lines = default_world.table("transaction_items").select("transaction_id", "product_id")
    with_partner = lines.join(pairs, on="product_id").join(
        lines, left_on=["transaction_id", "bought_with"],
        right_on=["transaction_id", "product_id"], how="semi",
    )  # fmt: skip
    with_any = lines.join(pairs, on="product_id")
    assert with_partner.height / with_any.height > 0.15


def test_arrivals_are_never_fewer_than_orders(clean_world: Home) -> None:
    orders = clean_world.table("transactions").group_by(
        place=pl.when(pl.col("channel") == "store").then("store_id").otherwise(pl.lit("online")),
        channel="channel",
        hour=pl.col("transaction_date").str.slice(0, 13),
    ).len()  # fmt: skip
    visits = clean_world.table("arrivals").select(
        "channel",
        pl.col("arrivals").cast(pl.Int64),
        place="location_id",
        hour=pl.col("arrival_hour").str.slice(0, 13),
    )
    both = orders.join(visits, on=["place", "channel", "hour"], how="left")
    assert both["arrivals"].null_count() == 0
    assert (both["arrivals"] >= both["len"]).all()


def test_shelves_run_out_sometimes(clean_world: Home) -> None:
    shelves = clean_world.table("inventory").select(
        pl.col("stock_quantity", "max_stock_level").cast(pl.Int64)
    )
    stock = shelves["stock_quantity"]
    assert stock.is_between(0, shelves["max_stock_level"]).all()
    assert 0 < number((stock == 0).mean()) < 0.05


def test_stock_is_what_was_put_there_less_what_was_sold(clean_world: Home) -> None:
    place = {"product_id": "product_id", "location_id": "location_id"}
    whole = pl.col("stock_quantity", "reorder_point", "max_stock_level").cast(pl.Int64)
    shelves = clean_world.table("inventory").select(*place, whole)
    sold = (
        clean_world.table("transaction_items")
        .join(clean_world.table("transactions"), on="transaction_id")
        .filter(pl.col("status") != "cancelled", pl.col("quantity").cast(pl.Int64) > 0)
        .group_by("product_id", location_id="store_id")
        .agg(sold=pl.col("quantity").cast(pl.Int64).sum())
    )
    both = shelves.filter(pl.col("location_id").str.starts_with("ST")).join(
        sold, on=list(place), how="left"
    ).with_columns(
        pl.col("sold").fill_null(0), left=pl.col("max_stock_level") - pl.col("sold").fill_null(0)
    )  # fmt: skip
    untouched = both.filter(pl.col("left") > pl.col("reorder_point"))
    assert untouched.filter(pl.col("sold") > 0).height > 500
    assert (untouched["stock_quantity"] == untouched["left"]).all()
    filled = both.filter(pl.col("sold") > pl.col("max_stock_level"))
    assert filled.height > 10
    assert number((filled["stock_quantity"] > 0).mean()) > 0.9


def test_the_end_of_the_year_is_the_peak(default_world: Home) -> None:
    months = default_world.table("transactions")["transaction_date"].str.slice(0, 7)
    counts = dict(months.value_counts().iter_rows())
    assert counts["2025-12"] > 1.25 * counts["2025-09"]


def test_addresses_and_phones_are_unreachable(clean_world: Home) -> None:
    people = clean_world.table("customers")
    assert people["email"].str.contains(r"@([a-z]+\.)?example\.(com|org|net)$").all()
    assert people["phone"].str.contains(r"^[2-9]9\d-[2-9]\d\d-\d{4}$").all()


def test_nothing_happens_after_the_end(clean_world: Home) -> None:
    for table, column in [
        ("transactions", "transaction_date"), ("shipments", "ship_date"),
        ("shipments", "actual_delivery"), ("tracking_events", "event_timestamp"),
        ("support_tickets", "resolved_date"), ("app_usage", "session_start"),
        ("customers", "registration_date"), ("consents", "updated_at"),
        ("campaign_contacts", "clicked_at"),
    ]:  # fmt: skip
        assert clean_world.table(table)[column].sort()[-1] < "2026-11-21"


def test_a_clean_world_reports_no_defect(clean_world: Home) -> None:
    report = json.loads((clean_world.path / "truth" / "defects.json").read_text())
    assert {told["count"] for told in report.values()} == {0}
