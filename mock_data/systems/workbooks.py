"""The acquired web shop, delivered as Excel workbooks: landing/workbooks.

Some of its customers are in the CRM too, but here with other ids, with their names in one cell and
sometimes with another e-mail address or phone number.
"""

import numpy as np
import polars as pl

from mock_data import names
from mock_data.addresses import FIRST_NAMES, address_of, email_of, phone_parts
from mock_data.batch import Batch, Rows
from mock_data.draws import Ints, scramble
from mock_data.text import ids, moments, padded, whole, words
from mock_data.touchpoints import CAUSES, draw_complaints, draw_sessions

ROWS_IN_A_WORKBOOK = 200_000


def build_workbook_tables(batch: Batch) -> dict[str, Rows]:
    return {
        "customer_master": _customer_master(batch),
        "customer_support": _customer_support(batch),
        "workbook_transactions": _transactions(batch),
        "web_interactions": _web_interactions(batch),
    }


def shop_ids(numbers: Ints) -> pl.Series:
    return padded(numbers, 8)


def _customer_master(batch: Batch) -> Rows:
    people = batch.people
    row = np.flatnonzero(people.in_workbooks & batch.in_window(people.signed_up))
    key = people.index[row]
    known = people.in_crm[row]
    other_mail = batch.plant("other_mail_elsewhere", "customer_master", key, among=known)
    other_phone = batch.plant("other_phone_elsewhere", "customer_master", key, among=known)
    area, exchange, line = phone_parts(batch.world, key, other_phone * 2)
    _, town, state, _ = address_of(people, row, people.signed_up[row])
    first = words(FIRST_NAMES, people.first_name[row])
    frame = pl.DataFrame({
        "customer_id": shop_ids(people.workbook_id[row]),
        "name": first + " " + words(names.FAMILY, people.last_name[row]),
        "email": email_of(people, row, other_mail * 3),
        "phone": "(" + area + ") " + exchange + "-" + line,
        "signup_date": moments(
            batch.world.start, people.signed_up[row], people.registered_second[row]),
        "location": town + " " + state,
    })  # fmt: skip
    spaces = pl.Series(batch.plant("stray_spaces", "customer_master", key))
    return frame.with_columns(
        pl.when(spaces).then(" " + pl.col("name") + " ").otherwise(pl.col("name")).alias("name")
    ), key


def _transactions(batch: Batch) -> Rows:
    orders, people = batch.orders, batch.people
    at = np.flatnonzero(orders.in_workbooks & batch.in_window(orders.day))
    selected = orders.take(at)
    payment = batch.world.draws.pick("shop payment", [0.5, 0.2, 0.2, 0.1], selected.uid)
    place = batch.world.draws.pick("shop place", [0.7, 0.2, 0.1], selected.uid)
    frame = pl.DataFrame({
        "transaction_id": ids("", selected.number),
        "customer_id": shop_ids(people.workbook_id[selected.person]),
        "transaction_date": moments(batch.world.start, selected.day, selected.second),
        "amount": selected.total / 100.0,
        "payment_method": words(("credit card", "UPI", "paypal", "bank transfer"), payment),
        "store_location": words(("Web shop", "Mobile site", "Pickup point"), place),
    })  # fmt: skip
    return frame, selected.uid


def _customer_support(batch: Batch) -> Rows:
    orders, people, world = batch.orders, batch.people, batch.world
    order = np.flatnonzero(orders.in_workbooks & (orders.day <= batch.end))
    late = world.draws.uniform("shop late", orders.uid[order]) < 0.12
    day = orders.day[order] + 1
    complaints = draw_complaints(batch, order, late, day, day)
    opened, solved = complaints.opened // 86_400, complaints.solved // 86_400
    shown = batch.in_window(opened) | ((opened <= batch.end) & batch.in_window(solved))
    at = np.flatnonzero(shown)
    is_open = solved[at] > batch.end
    frame = pl.DataFrame({
        "ticket_id": ids("", orders.number[complaints.order[at]]),
        "customer_id": shop_ids(people.workbook_id[orders.person[complaints.order[at]]]),
        "created_at": moments(world.start, opened[at], complaints.opened[at] % 86_400),
        "resolved_at": moments(world.start, solved[at], complaints.solved[at] % 86_400, is_open),
        "issue_type": words(CAUSES, complaints.cause[at]),
        "satisfaction_score": whole(complaints.score[at], is_open | (complaints.score[at] == 0)),
    })  # fmt: skip
    return frame, orders.uid[complaints.order[at]]


def _web_interactions(batch: Batch) -> Rows:
    orders, people, draws = batch.orders, batch.people, batch.world.draws
    soon = orders.in_workbooks & (orders.day > batch.after) & (orders.day <= batch.end + 7)
    row, key, day, second = draw_sessions(batch, np.flatnonzero(soon), 0.6)
    at = np.flatnonzero(batch.in_window(day) & (day > people.signed_up[orders.person[row]]))
    row, key, day, second = row[at], key[at], day[at], second[at]
    seconds = 20 + (draws.exponential("seconds", key) * 400).astype(np.int64)
    worded = batch.plant("durations_in_words", "web_interactions", key)
    in_minutes = worded & (key % 2 == 0)
    duration = pl.Series(np.where(in_minutes, seconds // 60 + 1, seconds)).cast(pl.String)
    frame = pl.DataFrame({
        "session_id": ids("W", scramble(key, 42)),
        "customer_id": shop_ids(people.workbook_id[orders.person[row]]),
        "page_views": 1 + draws.integers("shop pages", 0, 14, key),
        "session_duration": duration + words(
            ("", " s", " min"), worded.astype(np.int64) + in_minutes),
        "device": words(
            ("desktop", "phone", "tablet"), draws.pick("shop device", [0.5, 0.4, 0.1], key)),
        "interaction_date": moments(batch.world.start, day, second),
    })  # fmt: skip
    return frame, key
