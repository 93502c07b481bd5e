"""The CRM, the loyalty programme, the help desk and the app: landing/customer."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from mock_data import names
from mock_data.addresses import FIRST_NAMES, address_of, email_of, phone_parts
from mock_data.batch import Batch, Rows, nobodys_number
from mock_data.behaviour import BLOCK, COMPLETED, count_up
from mock_data.draws import Ints, scramble
from mock_data.text import days, ids, moments, whole, words
from mock_data.touchpoints import CAUSES, SHIPPING, draw_complaints, draw_sessions
from mock_data.world import CHANNELS, NEVER, PURPOSES, SEGMENTS, People

TIERS = ("Bronze", "Silver", "Gold", "Platinum")
TIER_POINTS = np.array([0, 400, 1500, 4000])
TYPO, SWAPPED, OLD_ADDRESS, OTHER_PHONE, TYPO_AND_MAIL = range(5)


def build_customer_tables(batch: Batch) -> dict[str, Rows]:
    return {
        "customers": _customers(batch),
        "loyalty_program": _loyalty_program(batch),
        "support_tickets": _support_tickets(batch),
        "app_usage": _app_usage(batch),
        "consents": _consents(batch),
    }


def _customers(batch: Batch) -> Rows:
    people = batch.people
    changed = (
        batch.in_window(people.registered)
        | batch.in_window(people.moves)
        | batch.in_window(people.segment_changes)
    )
    once = np.flatnonzero(people.in_crm & changed)
    anew = batch.in_window(people.registered_again)
    again = np.flatnonzero(anew | (changed & (people.registered_again <= batch.end)))
    row = np.concatenate([once, again])
    is_again = np.concatenate([np.zeros(len(once), bool), np.ones(len(again), bool)])
    key = people.index[row] * 2 + is_again
    batch.tally.add("registered_twice", f"customers{batch.suffix}", anew.sum())
    how = np.where(is_again, batch.world.draws.integers("how again", 0, 4, key), -1)
    draws = batch.world.draws
    registered = np.where(is_again, people.registered_again[row], people.registered[row])
    address = address_of(people, row, batch.end, backwards=how == OLD_ADDRESS)
    segment = np.where(
        people.segment_changes[row] <= batch.end, people.new_segment[row], people.segment[row]
    )
    first, last = _names_of(people, row, how)
    gender = words(["F", "M", "O", ""], np.where(
        draws.uniform("gender untold", key) < 0.15, 3, people.gender[row]))  # fmt: skip
    second = (people.registered_second[row] + is_again * 977) % 86_400
    frame = pl.DataFrame({
        "customer_id": ids("C", people.crm_id()[row] * ~is_again + is_again * (
            people.crm_id(np.ones(len(people), bool))[row])),
        "first_name": first,
        "last_name": last,
        "email": email_of(people, row, np.where(how == TYPO_AND_MAIL, 1, 0)),
        "phone": _phones(batch, people.index[row], key, how),
        "date_of_birth": days(batch.world.start, people.born[row]),
        "gender": gender,
        "registration_date": moments(batch.world.start, registered, second),
        "customer_segment": words(SEGMENTS, segment),
        "preferred_channel": words(CHANNELS, people.channel_order[row, 0]),
        "address_line1": address[0],
        "city": address[1],
        "state": address[2],
        "zip_code": address[3],
        "country": pl.repeat("US", len(row), eager=True),
    })  # fmt: skip
    return _spoil_customers(batch, frame, key), key


def _names_of(people: People, row: Ints, how: Ints) -> tuple[pl.Series, pl.Series]:
    """Returns first and last names; a second registration may misspell or swap them."""
    first, last = (
        words(FIRST_NAMES, people.first_name[row]),
        words(names.FAMILY, people.last_name[row]),
    )
    typo = pl.Series((how == TYPO) | (how == TYPO_AND_MAIL))
    at = 1 + people.index[row] % 3
    misspelt = last.str.slice(0, pl.Series(at)) + last.str.slice(pl.Series(at + 1))
    last = misspelt.zip_with(typo, last)
    swapped = pl.Series(how == SWAPPED)
    return last.zip_with(swapped, first), first.zip_with(swapped, last)


def _phones(batch: Batch, index: Ints, key: Ints, how: Ints) -> pl.Series:
    other = np.isin(how, (OTHER_PHONE, TYPO_AND_MAIL)).astype(np.int64)
    area, exchange, line = phone_parts(batch.world, index, other)
    odd = batch.plant("phone_formats", "customers", key)
    style = np.where(odd, batch.world.draws.integers("phone style", 1, 5, key), 0)
    parts = {
        0: area + "-" + exchange + "-" + line,
        1: "(" + area + ") " + exchange + "-" + line,
        2: "+1 " + area + " " + exchange + " " + line,
        3: area + exchange + line,
        4: area + "." + exchange + "." + line,
        5: "1-" + area + "-" + exchange + "-" + line,
    }
    phones = parts[0]
    for number, written in parts.items():
        phones = written.zip_with(pl.Series(style == number), phones)
    return phones


def _spoil_customers(batch: Batch, frame: pl.DataFrame, key: Ints) -> pl.DataFrame:
    """Plants invalid e-mail addresses, odd letter cases and stray spaces."""
    bad = pl.Series(batch.plant("invalid_emails", "customers", key))
    cases = pl.Series(batch.plant("letter_cases", "customers", key))
    spaces = pl.Series(batch.plant("stray_spaces", "customers", key))
    kind = pl.Series(batch.world.draws.integers("kind of spoil", 0, 2, key))
    email = pl.col("email")
    return frame.with_columns(
        pl.when(bad & (kind == 0)).then(email.str.replace("@", " at "))
        .when(bad & (kind == 1)).then(email.str.replace(r"\..*$", ""))
        .when(bad).then(email.str.replace("@", "@@"))
        .when(cases & (kind == 1)).then(email.str.to_uppercase())
        .otherwise(email).alias("email"),
        *(
            pl.when(cases & (kind != 1)).then(pl.col(name).str.to_uppercase())
            .when(cases).then(pl.col(name).str.to_lowercase())
            .when(spaces).then(" " + pl.col(name) + "  ")
            .otherwise(pl.col(name)).alias(name)
            for name in ("first_name", "last_name", "city")
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class Accounts:
    """The loyalty accounts of a batch's people on a day."""

    earned: Ints
    redeemed: Ints
    tier: Ints
    tier_since: Ints
    lifetime: Ints


def _loyalty_program(batch: Batch) -> Rows:
    people = batch.people
    now = _compute_accounts(batch, batch.end)
    member = people.in_crm & (people.member_from <= batch.end)
    if batch.after > -NEVER:
        then = _compute_accounts(batch, batch.after)
        same = (
            (now.earned == then.earned) & (now.redeemed == then.redeemed) & (now.tier == then.tier)
            & (now.lifetime == then.lifetime) & (now.tier_since == then.tier_since)
            & (people.member_from <= batch.after)
        )  # fmt: skip
        member &= ~same
    row = np.flatnonzero(member)
    key = people.index[row]
    off = batch.plant("lifetime_value_off", "loyalty_program", key)
    factor = 0.4 + 1.8 * batch.world.draws.uniform("lifetime off", key)
    lifetime = now.lifetime[row]
    lifetime = np.where(off, (lifetime * factor).astype(np.int64) + 101, lifetime)
    frame = pl.DataFrame({
        "customer_id": ids("C", people.crm_id()[row]),
        "loyalty_tier": words(TIERS, now.tier[row]),
        "points_balance": (now.earned - now.redeemed)[row],
        "points_earned_ytd": now.earned[row],
        "points_redeemed_ytd": now.redeemed[row],
        "tier_start_date": days(batch.world.start, now.tier_since[row]),
        "lifetime_value": lifetime / 100.0,
    })  # fmt: skip
    return frame, key


def _compute_accounts(batch: Batch, day: int) -> Accounts:
    """Returns the accounts on a day.

    Completed orders earn points, which expire at the end of the year; tiers count all years.
    """
    world, people, orders = batch.world, batch.people, batch.orders
    today = world.start + timedelta(days=day)
    new_year = world.day_of(date(today.year, 1, 1))
    booked = batch.in_crm & ~orders.is_guest & batch.uses_first_id & (orders.day <= day)
    counted = booked & (orders.status(day) == COMPLETED)
    joined = people.member_from[orders.person]
    earning = counted & ~orders.is_return & (orders.day >= joined)
    points = np.where(earning, (orders.subtotal - orders.discount) // 100, 0)
    size = len(people)
    this_year = orders.day >= new_year
    before = np.roll(points, 1) * np.roll(this_year, 1)
    before[:1] = 0
    follows = np.roll(orders.person, 1) == orders.person
    spends = (
        (world.draws.uniform("redeems", orders.uid) < 0.12)
        & booked & this_year & follows & ~orders.is_return
    )  # fmt: skip
    lifetime = _sum_by(orders.person, orders.total * counted, size)
    ranked = ~orders.is_return  # returns come last in the arrays and earn nothing
    order_points, person = points[ranked], orders.person[ranked]
    running = np.cumsum(order_points)
    begin = np.searchsorted(person, np.arange(size))
    running -= np.concatenate([[0], running])[begin][person] if len(order_points) else 0
    tier = np.searchsorted(TIER_POINTS, _sum_by(person, order_points, size), side="right") - 1
    goal = TIER_POINTS[tier][person]
    crossed = (running >= goal) & (running - order_points < goal) & (goal > 0)
    since = people.member_from.copy()
    since[person[crossed]] = orders.day[ranked][crossed]
    return Accounts(
        earned=_sum_by(orders.person, points * this_year, size),
        redeemed=_sum_by(orders.person, np.where(spends, before * 6 // 10, 0), size),
        tier=tier,
        tier_since=since,
        lifetime=lifetime,
    )


def _sum_by(person: Ints, amounts: Ints, size: int) -> Ints:
    return np.bincount(person, weights=amounts, minlength=size).astype(np.int64)


def _support_tickets(batch: Batch) -> Rows:
    orders, parcels, world = batch.orders, batch.parcels, batch.world
    order = np.flatnonzero(
        batch.in_crm & ~orders.is_guest & ~orders.is_return & (orders.day <= batch.end)
    )
    late, promised = np.zeros(len(orders), bool), orders.day.copy()
    late[parcels.order] = parcels.is_late & ~parcels.is_sent_back
    promised[parcels.order] = parcels.promised
    complaints = draw_complaints(batch, order, late[order], promised[order], batch.received[order])
    opened, solved = complaints.opened // 86_400, complaints.solved // 86_400
    shut = solved + 7
    shown = batch.in_window(opened) | (
        (opened <= batch.end) & (batch.in_window(solved) | batch.in_window(shut))
    )
    # On the day after opening somebody starts to work on the ticket, which changes its status.
    shown |= (opened <= batch.end) & batch.in_window(opened + 1)
    at = np.flatnonzero(shown)
    uid, opened, solved = orders.uid[complaints.order[at]], opened[at], solved[at]
    is_open = solved > batch.end
    status = np.where(is_open, np.where(opened + 1 <= batch.end, 1, 0),
                      np.where(shut[at] <= batch.end, 3, 2))  # fmt: skip
    urgency = np.clip(
        world.draws.integers("priority", 0, 2, uid) + (complaints.cause[at] == SHIPPING), 0, 3
    )
    buyer = np.where(
        batch.plant("orphan_keys", "support_tickets", uid),
        nobodys_number(uid),
        batch.buyer[complaints.order[at]],
    )
    frame = pl.DataFrame({
        "ticket_id": ids("K", orders.number[complaints.order[at]]),
        "customer_id": ids("C", buyer),
        "created_date": moments(world.start, opened, complaints.opened[at] % 86_400),
        "resolved_date": moments(world.start, solved, complaints.solved[at] % 86_400, is_open),
        "category": words(CAUSES, complaints.cause[at]),
        "priority": words(("low", "medium", "high", "urgent"), urgency),
        "status": words(("open", "in_progress", "resolved", "closed"), status),
        "channel": words(("phone", "email", "chat", "store"),
                         world.draws.pick("writes by", [0.3, 0.35, 0.28, 0.07], uid)),
        "satisfaction_score": whole(complaints.score[at], is_open | (complaints.score[at] == 0)),
    })  # fmt: skip
    return frame, uid


def _app_usage(batch: Batch) -> Rows:
    orders, people, world = batch.orders, batch.people, batch.world
    draws = world.draws
    soon = batch.in_crm & ~orders.is_guest & ~orders.is_return
    soon &= (orders.day > batch.after) & (orders.day <= batch.end + 7)
    row, key, day, second = draw_sessions(batch, np.flatnonzero(soon), 1.0)
    idle_row, idle_key, idle_day, idle_second = _idle_sessions(batch)
    person = np.concatenate([orders.person[row], idle_row])
    first_id = day <= people.registered_again[orders.person[row]]
    visitor = np.where(first_id, people.crm_id()[orders.person[row]], batch.buyer[row])
    buyer = np.concatenate([visitor, people.crm_id()[idle_row]])
    key = np.concatenate([key * 2, idle_key * 2 + 1])
    day, second = np.concatenate([day, idle_day]), np.concatenate([second, idle_second])
    at = np.flatnonzero(
        batch.in_window(day)
        & (day >= people.active_from[person])
        & people.in_crm[person]
        & ((day > people.registered[person]) | (second > people.registered_second[person]))
    )
    key, day, second, person, buyer = key[at], day[at], second[at], person[at], buyer[at]
    far = batch.plant("future_dates", "app_usage", key)
    lost = batch.plant("orphan_keys", "app_usage", key)
    minutes = 1 + np.minimum((draws.exponential("minutes", key) * 9).astype(np.int64), 120)
    pages = 1 + (minutes * (0.4 + 1.2 * draws.uniform("pages", key))).astype(np.int64)
    device = draws.pick("device", [0.4, 0.3, 0.3], people.index[person])
    shown = day + far * world.far_ahead
    frame = pl.DataFrame({
        "usage_id": ids("U", scramble(key, 42)),
        "customer_id": ids("C", np.where(lost, nobodys_number(key), buyer)),
        "session_date": days(world.start, shown),
        "session_start": moments(world.start, shown, second),
        "session_duration_minutes": minutes,
        "pages_viewed": pages,
        "actions_taken": pages // 3 + draws.integers("actions", 0, 4, key),
        "device_type": words(("ios", "android", "web"), device),
        "app_version": words(tuple(f"{v // 4 + 3}.{v % 4}.0" for v in range(200)),
                             np.where(device == 2, 0, np.clip(day // 45, 0, 199))),
    })  # fmt: skip
    return frame, key


def _idle_sessions(batch: Batch) -> tuple[Ints, Ints, Ints, Ints]:
    """Draws visits that lead to no order, as many in four weeks as suit the person's own rate."""
    people, draws = batch.people, batch.world.draws
    first = max(0, batch.after // BLOCK) if batch.after > -NEVER else 0
    block = np.arange(first, batch.end // BLOCK + 1)
    mean = np.minimum(0.03 + 1.6 * people.rate, 1.0)[:, None]
    counts = np.minimum(draws.poisson("idle", mean, people.index[:, None], block), 7).ravel()
    cell = np.repeat(np.arange(counts.size), counts)
    row, at = cell // len(block), block[cell % len(block)]
    key = ((people.index[row] << 10) + at) * 8 + count_up(counts)
    day = at * BLOCK + draws.integers("idle day", 0, BLOCK - 1, key)
    there = day < people.leaves[row] + 20
    row, key, day = row[there], key[there], day[there]
    return row, key, day, draws.integers("idle second", 7 * 3600, 23 * 3600, key)


def _consents(batch: Batch) -> Rows:
    people, draws = batch.people, batch.world.draws
    changed = people.consent_changes <= batch.end
    shown = batch.in_window(people.registered)[:, None] | batch.in_window(people.consent_changes)
    row, purpose = np.nonzero(shown & people.in_crm[:, None])
    key = people.index[row] * 4 + purpose
    changed = changed[row, purpose]
    day = np.where(changed, people.consent_changes[row, purpose], people.registered[row])
    second = np.where(
        changed,
        draws.integers("consent second", 28_800, 79_000, key),
        people.registered_second[row],
    )
    frame = pl.DataFrame({
        "customer_id": ids("C", people.crm_id()[row]),
        "purpose": words(PURPOSES, purpose),
        "granted": words(("false", "true"), people.consents[row, purpose] ^ changed),
        "updated_at": moments(batch.world.start, day, second),
        "source": words(("web", "store", "app", "phone"),
                        draws.pick("consent source", [0.5, 0.2, 0.25, 0.05], key + changed)),
    })  # fmt: skip
    return frame, key
