"""Goods are returned or complained of only once they arrived; what never arrives is refunded."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from mock_data.batch import Batch, make_batch
from mock_data.behaviour import CANCELLED, COMPLETED, REFUNDED
from mock_data.systems.logistic import build_logistic_tables
from mock_data.systems.sales import build_sales_tables
from mock_data.touchpoints import draw_sessions
from mock_data.world import NEVER, STORE, World
from tests.mock_data.home import Home, number


@pytest.fixture(scope="module")
def batch() -> Batch:
    world = World(seed=3, customers=800, start=date(2025, 1, 1), defects=False)
    return make_batch(world, range(world.people_by(600)), -NEVER, 600, "")


def test_returns_follow_the_delivery_and_are_refunded_as_they_were_paid(batch: Batch) -> None:
    orders = batch.orders
    back = np.flatnonzero(orders.is_return)
    bought = np.flatnonzero(np.isin(orders.uid, orders.uid[back] - 1))
    assert len(bought) == len(back) > 100
    bought = bought[np.argsort(orders.uid[bought])]
    back = back[np.argsort(orders.uid[back])]
    assert (orders.uid[back] == orders.uid[bought] + 1).all()
    kept = orders.day[back] - batch.received[bought]
    assert kept.min() >= 4
    assert kept.max() <= 28
    assert (orders.channel[back] == orders.channel[bought]).all()
    assert (orders.second[back] != orders.second[bought]).mean() > 0.99
    frame, uid = build_sales_tables(batch)["transactions"]
    paid = pl.Series(uid), frame["payment_method"]
    method = dict(zip(*(each.to_list() for each in paid), strict=True))
    assert all(method[own] == method[own - 1] for own in orders.uid[back].tolist())


def test_stores_sell_from_nine_to_nine_and_the_web_from_seven_to_midnight(batch: Batch) -> None:
    hours, in_store = batch.orders.second // 3600, batch.orders.channel == STORE
    assert set(hours[in_store]) == set(range(9, 21))
    assert set(hours[~in_store]) == set(range(7, 24))


def test_visits_come_before_the_purchase_they_lead_to(batch: Batch) -> None:
    bought = np.flatnonzero(~batch.orders.is_return)
    order, _, day, second = draw_sessions(batch, bought, 1.0)
    ahead = batch.orders.day[order] - day
    assert set(ahead.tolist()) == set(range(7))
    assert (second[ahead == 0] < batch.orders.second[order][ahead == 0]).all()


def test_a_discontinued_product_is_replaced_by_one_of_its_category(batch: Batch) -> None:
    catalogue = batch.world.catalogue
    gone = np.flatnonzero(catalogue.discontinued_on < NEVER)
    instead = catalogue.on_sale(gone, catalogue.discontinued_on[gone])
    assert len(gone) > 5
    assert (catalogue.category[instead] == catalogue.category[gone]).all()
    assert (catalogue.discontinued_on[instead] == NEVER).all()
    assert (catalogue.on_sale(gone, catalogue.discontinued_on[gone] - 1) == gone).all()


def test_store_orders_are_cancelled_on_the_same_day_or_never(batch: Batch) -> None:
    orders = batch.orders
    cancelled, in_store = orders.fate == CANCELLED, orders.channel == STORE
    waited = orders.fate_day - orders.day
    assert (cancelled & in_store).any()
    assert set(waited[cancelled & in_store]) == {0}
    assert set(waited[cancelled & ~in_store]) == {0, 1, 2}


def test_cancelled_orders_are_not_delivered(batch: Batch) -> None:
    cancelled = np.flatnonzero(batch.orders.fate == CANCELLED)
    assert (batch.received[cancelled] == NEVER).all()
    assert not np.isin(batch.parcels.order, cancelled).any()


def test_all_orders_of_the_web_shop_are_completed(batch: Batch) -> None:
    """The web shop's files cannot say that an order was cancelled, returned or refunded."""
    assert set(batch.orders.fate[batch.orders.in_workbooks]) == {COMPLETED}


def test_a_parcel_weighs_what_is_in_it_and_its_box(clean_world: Home) -> None:
    inside = (
        clean_world.table("transaction_items")
        .join(clean_world.table("products"), on="product_id")
        .group_by("transaction_id")
        .agg(kilos=(pl.col("weight_kg").cast(float) * pl.col("quantity").cast(int)).sum())
    )
    parcels = clean_world.table("shipments").join(inside, on="transaction_id")
    box = parcels["weight_kg"].cast(float) - parcels["kilos"]
    assert box.is_between(0.13, 0.16).all()


def test_orders_with_a_lost_parcel_are_refunded(clean_world: Home) -> None:
    gone = clean_world.table("shipments").filter(
        pl.col("delivery_status").is_in(["lost", "returned"])
    )
    orders = gone.join(clean_world.table("transactions"), on="transaction_id")
    assert orders.height > 10
    assert set(orders["status"]) == {"refunded"}


def test_a_refund_comes_on_the_day_the_parcel_is_known_to_be_lost(batch: Batch) -> None:
    """Until then the carrier reports it as late or on its way back, and the order stands."""
    parcels, orders = batch.parcels, batch.orders
    for gone, wait in ((parcels.is_lost, 10), (parcels.is_sent_back, 3)):
        order = parcels.order[gone]
        assert set(orders.fate[order]) == {REFUNDED}
        assert (orders.fate_day[order] == parcels.promised[gone] + wait).all()


def test_on_every_day_a_parcel_is_where_its_scans_say(batch: Batch) -> None:
    """It is delivered or returned if it was scanned so; otherwise it is delayed after its day."""
    parcels = batch.parcels
    promised = parcels.promised[parcels.is_sent_back & (parcels.promised < 590)][:5]
    for end in map(int, np.add.outer(promised, (0, 2, 3)).ravel()):
        written = build_logistic_tables(replace(batch, end=end))
        (shipments, _), (scans, _) = written["shipments"], written["tracking_events"]
        for way in ("delivered", "returned"):
            scanned = set(scans.filter(event_type=way)["shipment_id"])
            assert scanned == set(shipments.filter(delivery_status=way)["shipment_id"]), way
        today = (batch.world.start + timedelta(days=end)).isoformat()
        under_way = shipments.filter(pl.col("delivery_status").is_in(["in_transit", "delayed"]))
        is_delayed = under_way["delivery_status"] == "delayed"
        assert (is_delayed == (under_way["estimated_delivery"] < today)).all()


def test_complaints_about_a_product_follow_its_delivery(clean_world: Home) -> None:
    tickets = (
        clean_world.table("support_tickets")
        .filter(pl.col("category").is_in(["product", "returns"]))
        .with_columns(transaction_id="T" + pl.col("ticket_id").str.slice(1))
        .join(clean_world.table("transactions"), on="transaction_id")
    )
    assert "cancelled" not in set(tickets["status_right"])
    assert (tickets["created_date"] > tickets["transaction_date"]).all()
    handed = clean_world.table("tracking_events").filter(event_type="delivered")
    sent = tickets.filter(pl.col("channel_right") != "store").join(
        handed.with_columns(transaction_id="T" + pl.col("shipment_id").str.slice(1)),
        on="transaction_id", how="left",
    )  # fmt: skip
    assert sent.height > 50
    assert (sent["created_date"] > sent["event_timestamp"]).all()


def test_complaints_about_a_late_parcel_follow_its_promised_day(clean_world: Home) -> None:
    tickets = clean_world.table("support_tickets").filter(category="shipping")
    parcels = clean_world.table("shipments")
    late = tickets.with_columns(shipment_id="S" + pl.col("ticket_id").str.slice(1)).join(
        parcels, on="shipment_id"
    )
    assert late.height == tickets.height > 50
    assert (late["created_date"].str.slice(0, 10) > late["estimated_delivery"]).all()
    arrived = pl.col("actual_delivery").replace("", "9999")
    assert late.select((arrived > pl.col("estimated_delivery")).all()).item()


def test_people_write_while_stores_are_open(clean_world: Home) -> None:
    for table, moment in (("support_tickets", "created_date"), ("customer_support", "created_at")):
        hours = clean_world.table(table)[moment].str.slice(11, 2).cast(int)
        assert set(hours) == set(range(9, 21)), table


def test_more_parcels_are_late_when_many_are_on_their_way(default_world: Home) -> None:
    parcels = default_world.table("shipments").filter(pl.col("actual_delivery") != "")
    late = pl.col("actual_delivery") > pl.col("estimated_delivery")
    rate = dict(
        parcels.group_by(december=pl.col("ship_date").str.slice(0, 7) == "2025-12")
        .agg(late.mean())
        .iter_rows()
    )
    assert 1.3 < number(rate[True]) / number(rate[False]) < 2.5
