"""When people buy, what and where. What happens to their orders is in delivery.py.

Nothing here depends on the end date: a later end only shows more of the same lives.
"""

from dataclasses import dataclass, fields
from datetime import timedelta

import numpy as np

from mock_data.catalogue import CATEGORY_COUNT, NEAREST_STORE, SLOTS, STORES
from mock_data.draws import Bools, Floats, Ints, scramble
from mock_data.world import NEVER, PERSONAS, STORE, People, World

BLOCK = 28
CAMPAIGN_EVERY, CAMPAIGN_REACH, TREATED = 40, 0.3, 0.65
CHANNELS_WITH_CONSENT = 2
COMPLETED, CANCELLED, REFUNDED = range(3)
TAX_PERCENT = 8
PERSON_BITS = 23
OPENS, CLOSES = 7 * 3600, 24 * 3600
STORE_OPENS, STORE_CLOSES = 9 * 3600, 21 * 3600
_WEEK = np.array([0.88, 0.86, 0.9, 0.98, 1.16, 1.24, 0.98])


@dataclass(frozen=True)
class Campaign:
    number: int
    channel: int
    start: int
    end: int
    lift: float


@dataclass(frozen=True)
class Orders:
    """Arrays with one element per order of either system; delivery.py appends the returns."""

    person: Ints
    """Row in People."""
    uid: Ints
    """Person, number of the order in their life and whether it is a return, packed in one number.

    It is the key for everything that belongs to the order.
    """
    day: Ints
    second: Ints
    channel: Ints
    store: Ints
    is_return: Bools
    is_guest: Bools
    in_workbooks: Bools
    fate: Ints
    fate_day: Ints
    subtotal: Ints
    discount: Ints

    def __len__(self) -> int:
        return len(self.uid)

    @property
    def tax(self) -> Ints:
        return tax_of(self.subtotal)

    @property
    def total(self) -> Ints:
        return self.subtotal + self.tax - self.discount

    @property
    def number(self) -> Ints:
        return scramble(self.uid, 36) + 100_000_000_000

    def status(self, day: int) -> Ints:
        """Returns the status as known at the end of a day."""
        return np.where(self.fate_day <= day, self.fate, COMPLETED)

    def take(self, rows: Ints | Bools) -> "Orders":
        return Orders(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True)
class Lines:
    """Arrays with one element per order line."""

    order: Ints
    """Row in Orders."""
    number: Ints
    product: Ints
    quantity: Ints
    price: Ints
    discount: Ints

    @property
    def total(self) -> Ints:
        return self.quantity * self.price

    def take(self, rows: Ints | Bools) -> "Lines":
        return Lines(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def tax_of(cents: Ints) -> Ints:
    """Returns eight per cent; half a cent is rounded away from zero, as SQL rounds decimals."""
    tax: Ints = np.sign(cents) * ((np.abs(cents) * TAX_PERCENT + 50) // 100)
    return tax


def season(world: World, days: int) -> Floats:
    """Returns each day's weight from the start on, by weekday and time of year.

    Days from 18 November to Christmas Eve weigh most.
    """
    weights = np.empty(days)
    for day in range(days):
        now = world.start + timedelta(days=day)
        of_year = now.timetuple().tm_yday
        weight = _WEEK[now.weekday()] * (1 + 0.06 * np.sin((of_year - 80) / 365 * 2 * np.pi))
        if (now.month, now.day) >= (11, 18) and (now.month, now.day) <= (12, 24):
            weight *= 1.7
        elif (now.month == 1 and now.day > 5) or now.month == 2:
            weight *= 0.82
        weights[day] = weight
    return weights


def plan_campaigns(world: World, until: int) -> list[Campaign]:
    """Returns the campaigns that begin by a day, each with its lift."""
    count = max(0, (until - 15) // CAMPAIGN_EVERY + 1)
    numbers = np.arange(count)
    draws = world.draws
    start = 15 + numbers * CAMPAIGN_EVERY + draws.integers("campaign start", 0, 9, numbers)
    length = draws.integers("campaign length", 10, 16, numbers)
    channel = draws.pick("campaign channel", [0.55, 0.25, 0.12, 0.08], numbers)
    # As in real life, a few campaigns work well and many hardly at all.
    lift = np.round(0.05 + 0.9 * draws.uniform("campaign lift", numbers) ** 2, 3)
    return [
        Campaign(int(n), int(channel[n]), int(start[n]), int(start[n] + length[n]), float(lift[n]))
        for n in numbers
        if start[n] <= until
    ]


def draw_contacts(world: World, people: People, campaign: Campaign) -> tuple[Ints, Bools]:
    """Returns the rows of the people drawn for a campaign, and whether each is treated."""
    draw = world.draws.uniform("campaign", people.index, campaign.number)
    allowed = _may_be_written_to(people, campaign)
    drawn = (draw < CAMPAIGN_REACH) & people.in_crm & (people.registered < campaign.start) & allowed
    rows = np.flatnonzero(drawn)
    return rows, draw[rows] < CAMPAIGN_REACH * TREATED


def _may_be_written_to(people: People, campaign: Campaign) -> Bools:
    """Returns whether each person may be contacted.

    E-mails and text messages need a consent that does not change on the campaign's first day.
    """
    if campaign.channel >= CHANNELS_WITH_CONSENT:
        return np.ones(len(people), dtype=bool)
    changes = people.consent_changes[:, campaign.channel]
    agrees = people.consents[:, campaign.channel] ^ (changes < campaign.start)
    allowed: Bools = agrees & (changes != campaign.start)
    return allowed


def simulate_orders(world: World, people: People, until: int) -> tuple[Orders, Lines]:
    """Simulates every order up to a day, with its lines, sorted by person and time."""
    person, day, tie = _draw_moments(world, people, until)
    draws = world.draws
    second = _draw_seconds(world, people.index[person], day, tie)
    ranked = np.argsort(((person << 15) + day << 17) + second, kind="stable")
    person, day, second = person[ranked], day[ranked], second[ranked]
    first_of = np.searchsorted(person, np.arange(len(people)))
    nth = np.arange(len(person)) - first_of[person]
    # From a person's 1 025th order on, the count continues in the bits above the person's own.
    uid = (people.index[person] << 11) + (nth % 1024 << 1) + (nth // 1024 << PERSON_BITS + 11)
    channel = _draw_channels(world, people, person, uid)
    delay = draws.uniform("fate day", uid)
    own_store = NEAREST_STORE[people.state[person]]
    stray = draws.uniform("store", uid) < 0.12
    store = np.where(stray, draws.integers("stray store", 0, STORES - 1, uid), own_store)
    in_workbooks = (people.signed_up[person] < day) & (
        ~people.in_crm[person] | (draws.uniform("which system", uid) < 0.3)
    )
    # The web shop's files do not say what happened to its orders, so all of them are completed.
    fate = np.where(
        in_workbooks, COMPLETED, draws.pick("fate of order", [0.932, 0.036, 0.032], uid)
    )
    # Store orders are cancelled on the same day, while the buyer is still at the till.
    cancelled_after = delay * 3 * (channel != STORE)
    orders = Orders(
        person=person,
        uid=uid,
        day=day,
        second=fit_hours(
            channel,
            second,
            np.where(day == people.registered[person], people.registered_second[person] + 60, 0),
        ),
        channel=channel,
        store=store,
        is_return=np.zeros(len(uid), dtype=bool),
        is_guest=(draws.uniform("guest", uid) < 0.03) & ~in_workbooks,
        in_workbooks=in_workbooks,
        fate=fate,
        fate_day=day
        + np.where(fate == CANCELLED, cancelled_after, 3 + delay * 38).astype(np.int64)
        + np.where(fate == COMPLETED, NEVER, 0),
        subtotal=np.zeros(len(uid), dtype=np.int64),
        discount=np.zeros(len(uid), dtype=np.int64),
    )
    return _fill_baskets(world, people, orders)


def _draw_moments(world: World, people: People, until: int) -> tuple[Ints, Ints, Ints]:
    """Returns person, day and a distinct tag of every purchase.

    Purchases are a Poisson process, of which those outside a person's stay are dropped.
    """
    blocks = until // BLOCK + 1
    weights = season(world, (blocks + 1) * BLOCK)
    cumulated = np.concatenate([[0.0], np.cumsum(weights)])
    found = [_planned_first_orders(people)]
    buyers = np.flatnonzero(people.rate > 0)
    begin = np.arange(blocks) * BLOCK
    mass = cumulated[begin + BLOCK] - cumulated[begin]
    active = (people.active_from[buyers, None] < begin + BLOCK) & (
        people.leaves[buyers, None] >= begin
    )
    rows, block = np.nonzero(active)
    person = buyers[rows]
    index = people.index[person]
    counts = world.draws.poisson("orders", people.rate[person] * mass[block], index, block)
    person, block = np.repeat(person, counts), np.repeat(block, counts)
    purchases = (person, begin[block], begin[block] + BLOCK, block * 128 + count_up(counts))
    found.append(_spread(world, people, cumulated, purchases))
    found += [_lifted_orders(world, people, cumulated, c) for c in plan_campaigns(world, until)]
    person, day, tag = (np.concatenate(parts) for parts in zip(*found, strict=True))
    keep = day <= until
    return person[keep], day[keep], tag[keep]


def _planned_first_orders(people: People) -> tuple[Ints, Ints, Ints]:
    rows = np.flatnonzero(people.first_order < NEVER)
    return rows, people.first_order[rows], np.full(len(rows), -1)


def _lifted_orders(
    world: World, people: People, cumulated: Floats, campaign: Campaign
) -> tuple[Ints, Ints, Ints]:
    """Returns what treated people buy in addition during a campaign."""
    rows, treated = draw_contacts(world, people, campaign)
    rows = rows[treated]
    rows = rows[people.rate[rows] > 0]
    mass = cumulated[campaign.end + 1] - cumulated[campaign.start]
    counts = world.draws.poisson(
        "lifted", people.rate[rows] * mass * campaign.lift, people.index[rows], campaign.number
    )
    person = np.repeat(rows, counts)
    start, end = np.full(len(person), campaign.start), np.full(len(person), campaign.end + 1)
    tag = (1 << 20) + campaign.number * 128 + count_up(counts)
    return _spread(world, people, cumulated, (person, start, end, tag))


def _spread(
    world: World, people: People, cumulated: Floats, purchases: tuple[Ints, Ints, Ints, Ints]
) -> tuple[Ints, Ints, Ints]:
    """Draws a day for each purchase by season, and drops those outside the person's stay."""
    person, begin, end, tag = purchases
    draw = world.draws.uniform("day", people.index[person], tag)
    target = cumulated[begin] + draw * (cumulated[end] - cumulated[begin])
    day = np.searchsorted(cumulated, target, side="right") - 1
    there = (day >= people.active_from[person]) & (day < people.leaves[person])
    return person[there], day[there], tag[there]


def count_up(counts: Ints) -> Ints:
    """Returns 0, 1, … for each count: each row's position among those repeated from one row."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


def _draw_seconds(world: World, index: Ints, day: Ints, tag: Ints) -> Ints:
    """Draws seconds between seven o'clock and midnight, most of them in the early evening."""
    first, second = (world.draws.uniform(f"hour {part}", index, tag, day) for part in "ab")
    late = 0.35 * first + 0.65 * np.maximum(first, second)
    return (OPENS + late * (CLOSES - OPENS - 1)).astype(np.int64)


def fit_hours(channel: Ints, second: Ints, begin: Ints | int = 0) -> Ints:
    """Rescales seconds within the web shop's hours to the channel's own hours, after `begin`."""
    opens = np.maximum(np.where(channel == STORE, STORE_OPENS, OPENS), begin)
    closes = np.where(channel == STORE, STORE_CLOSES, CLOSES)
    fitted: Ints = opens + (second - OPENS) * (closes - opens) // (CLOSES - OPENS)
    return fitted


def _draw_channels(world: World, people: People, person: Ints, uid: Ints) -> Ints:
    draw = world.draws.uniform("channel", uid)
    place = (draw[:, None] >= people.channel_edges[person, :2]).sum(axis=1)
    channel: Ints = people.channel_order[person, place]
    return channel


def _fill_baskets(world: World, people: People, orders: Orders) -> tuple[Orders, Lines]:
    """Draws products, quantities and discounts, and returns the orders with their sums."""
    draws, catalogue = world.draws, world.catalogue
    counts = 1 + draws.pick("lines", [0.26, 0.3, 0.22, 0.12, 0.07, 0.03], orders.uid)
    order = np.repeat(np.arange(len(orders)), counts)
    number = count_up(counts)
    person = orders.person[order]
    key = orders.uid[order] * 8 + number
    product = _draw_products(world, people, person, key)
    partner = catalogue.complement[np.roll(product, 1)]
    follows = (number > 0) & (partner >= 0) & (draws.uniform("complement", key) < 0.45)
    product = catalogue.on_sale(np.where(follows, partner, product), orders.day[order])
    quantity = 1 + draws.pick("quantity", [0.76, 0.18, 0.06], key)
    price = catalogue.price[product]
    odd = world.flags("price_unlike_catalogue", key)
    price = np.where(odd, price + 100 * (1 + key % 5), price)
    bargain = draws.uniform("bargain", orders.uid) < people.discount[orders.person]
    percent = np.array([10, 15, 20, 30])[draws.integers("percent", 0, 3, orders.uid)] * bargain
    discount = (quantity * price * percent[order] + 50) // 100
    lines = Lines(order, number, product, quantity, price, discount)
    begin = np.cumsum(counts) - counts
    sums = {
        "subtotal": np.add.reduceat(lines.total, begin) if len(begin) else orders.subtotal,
        "discount": np.add.reduceat(discount, begin) if len(begin) else orders.discount,
    }
    return Orders(
        **{f.name: sums.get(f.name, getattr(orders, f.name)) for f in fields(orders)}
    ), lines


def _draw_products(world: World, people: People, person: Ints, key: Ints) -> Ints:
    draws = world.draws
    place = draws.pick("taste", [0.44, 0.28, 0.09, 0.09, 0.1], key)
    category = np.where(
        place < 4,
        people.favourites[person, place.clip(0, 3)],
        draws.integers("any category", 0, CATEGORY_COUNT - 1, key),
    )
    edges = np.cumsum(np.array([p.tiers for p in PERSONAS]), axis=1)
    draw = draws.uniform("tier", key)
    reach = edges[people.persona[person], :2]
    tier = (draw >= reach[:, 0]).astype(np.int64) + (draw >= reach[:, 1])
    return world.catalogue.slots[category, tier, draws.integers("slot", 0, SLOTS - 1, key)]


def store_of(orders: Orders) -> Ints:
    """Returns the store's number, or −1 if the channel is not the store."""
    return np.where(orders.channel == STORE, orders.store, -1)
