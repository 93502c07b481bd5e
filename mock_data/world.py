"""The simulated people: who exists, since when, and with which hidden traits.

What people do is in behaviour.py; what they buy is in catalogue.py.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mock_data import names
from mock_data.catalogue import CATEGORY_COUNT, Catalogue, build_catalogue
from mock_data.defects import RATES
from mock_data.draws import Bools, Draws, Floats, Ints, scramble

NEVER = 1_000_000
BEFORE_START, STEADY_DAYS = 0.8, 731
OLDEST_CUSTOMER_DAYS = 1095
ID_BITS = 25
NON_BUYERS, ONE_TIMERS = 0.09, 0.38
"""Of a draw from 0 to 1: below the first a person never buys, below the second they buy once."""


@dataclass(frozen=True)
class Persona:
    name: str
    share: float
    orders_a_day: float
    rate_shape: int
    tiers: tuple[float, float, float]
    discount: float
    channels: tuple[float, float, float]
    """The shares of a person's first, second and third favourite channel."""
    stays_days: float
    taste_for_expensive: float


PERSONAS = (
    Persona("Engaged Regulars",
            0.24, 0.062, 10, (0.38, 0.5, 0.12), 0.18, (0.4, 0.32, 0.28), 6000, 0),
    Persona("Transitional Shoppers",
            0.25, 0.0165, 10, (0.35, 0.63, 0.02), 0.35, (0.6, 0.4, 0), 3500, 0),
    Persona("Premium but At-Risk",
            0.15, 0.05, 8, (0, 0.05, 0.95), 0.08, (0.6, 0.4, 0), 0, 0.4),
    Persona("Occasional Premiums",
            0.17, 0.0095, 10, (0, 0.05, 0.95), 0.05, (1, 0, 0), 9000, 0.4),
    Persona("Price-Sensitive Shoppers",
            0.19, 0.024, 8, (0.96, 0.04, 0), 0.85, (1, 0, 0), 3500, -0.4),
)  # fmt: skip
AT_RISK = 2
PURPOSES = ("marketing_email", "marketing_sms", "profiling", "analytics")
SEGMENTS = ("Premium", "Standard", "Basic")
CHANNELS = ("store", "online", "mobile")
STORE, ONLINE, MOBILE = range(3)
NEXT_NAME = np.concatenate(
    [
        start + (np.arange(len(group)) + 1) % len(group)
        for group, start in (
            (names.FEMALE, 0),
            (names.MALE, len(names.FEMALE)),
            (names.NEUTRAL, len(names.FEMALE) + len(names.MALE)),
        )
    ]
)
"""For each first name the name that follows it in its list."""


@dataclass(frozen=True)
class World:
    """Everything that follows from one seed, size, first day and choice of defects."""

    seed: int
    customers: int
    start: date
    defects: bool = True
    draws: Draws = field(init=False)
    catalogue: Catalogue = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "draws", Draws(self.seed))
        object.__setattr__(self, "catalogue", build_catalogue(self.draws))

    def day_of(self, day: date) -> int:
        return (day - self.start).days

    @cached_property
    def far_ahead(self) -> int:
        """The days to add to a date so that it lies past 2099."""
        return self.day_of(date(2103, 1, 1))

    @cached_property
    def registered_before(self) -> int:
        return round(self.customers * BEFORE_START)

    @cached_property
    def registrations_a_day(self) -> float:
        return max(self.customers - self.registered_before, 1) / STEADY_DAYS

    def people_by(self, day: int) -> int:
        """Returns an upper bound for the people registered by a day.

        People who register after the start are numbered in the order in which they register.
        """
        return self.registered_before + int(self.registrations_a_day * (day + 1)) + 1

    def flags(self, defect: str, *keys: ArrayLike) -> Bools:
        """Returns which keys a defect hits; none if defects are switched off."""
        if not self.defects:
            return np.zeros(np.broadcast(*keys).shape, dtype=bool)
        return self.draws.uniform(f"defect {defect}", *keys) < RATES[defect]


@dataclass(frozen=True)
class People:
    """Arrays with one element per person."""

    index: Ints
    registered: Ints
    registered_second: Ints
    in_crm: Bools
    in_workbooks: Bools
    signed_up: Ints
    persona: Ints
    rate: Floats
    never_buys: Bools
    buys_once: Bools
    first_order: Ints
    """The day of the first order if that is planned, else NEVER."""
    active_from: Ints
    leaves: Ints
    channel_edges: Floats
    channel_order: Ints
    favourites: Ints
    discount: Floats
    gender: Ints
    first_name: Ints
    last_name: Ints
    born: Ints
    state: Ints
    town: Ints
    street: Ints
    number: Ints
    moves: Ints
    new_town: Ints
    new_street: Ints
    new_number: Ints
    segment: Ints
    new_segment: Ints
    segment_changes: Ints
    member_from: Ints
    household: Ints
    consents: Bools
    consent_changes: Ints
    registered_again: Ints

    def __len__(self) -> int:
        return len(self.index)

    def crm_id(self, again: Bools | None = None) -> Ints:
        doubled = self.index * 2 + (0 if again is None else again)
        return scramble(doubled, ID_BITS) + 100_000_000

    @property
    def workbook_id(self) -> Ints:
        return scramble(self.index, 24)


def draw_people(world: World, numbers: range, end: int) -> People:
    """Draws the people with these numbers, as far as they are registered by the end."""
    index = np.arange(numbers.start, numbers.stop, dtype=np.int64)
    registered = _registration_days(world, index)
    index, registered = index[registered <= end], registered[registered <= end]
    draws = world.draws
    persona = draws.pick("persona", [p.share for p in PERSONAS], index)
    is_old = index < world.registered_before
    kind = draws.uniform("systems", index)
    only_workbooks = is_old & (kind < 0.1)
    in_workbooks = only_workbooks | (kind > 0.69)
    after = draws.integers("sign-up", 0, 240, index)
    signed_up = np.where(only_workbooks, registered, np.maximum(registered, -700) + after)
    return People(
        index=index,
        registered=registered,
        registered_second=draws.integers("second", 8 * 3600, 20 * 3600 - 1, index),
        in_crm=~only_workbooks,
        in_workbooks=in_workbooks,
        signed_up=np.where(in_workbooks, signed_up, NEVER),
        persona=persona,
        registered_again=_second_registrations(world, index, registered, ~only_workbooks),
        **_draw_habits(draws, index, persona, registered, is_old),
        **_draw_home(draws, index),
        **_draw_changes(draws, index, persona, registered),
    )


def _registration_days(world: World, index: Ints) -> Ints:
    """Returns each person's day of registration.

    Before the start it is random over three years. After it people come at an even pace, so that no
    day goes without one if the world is large enough.
    """
    draw = world.draws.uniform("registration", index)
    later = (index - world.registered_before + 0.5 + 0.3 * (draw - 0.5)) / world.registrations_a_day
    days = np.where(index < world.registered_before, (draw - 1) * OLDEST_CUSTOMER_DAYS, later)
    return np.floor(days).astype(np.int64)


def _second_registrations(world: World, index: Ints, registered: Ints, in_crm: Bools) -> Ints:
    """Returns the days on which careless people register in the CRM again; NEVER for the others."""
    day = np.maximum(registered, 0) + world.draws.integers("again", 10, 500, index)
    return np.where(world.flags("registered_twice", index) & in_crm, day, NEVER)


def _draw_habits(
    draws: Draws, index: Ints, persona: Ints, registered: Ints, is_old: Bools
) -> dict[str, Any]:
    """Draws how often, how long, where and what each person buys."""
    buying, since = draws.uniform("buying", index), np.maximum(registered, 0)
    buys_once = (buying >= NON_BUYERS) & (buying < ONE_TIMERS)
    of = {name: np.array([getattr(p, name) for p in PERSONAS])[persona]
          for name in ("orders_a_day", "rate_shape", "discount")}  # fmt: skip
    phases = np.arange(10)
    waits = draws.exponential("rate", index[:, None], phases)
    waits[phases >= of["rate_shape"][:, None]] = 0.0
    rate = of["orders_a_day"] * waits.sum(axis=1) / of["rate_shape"]
    rate[buying < ONE_TIMERS] = 0.0
    once = draws.integers("once", 0, 639, index)
    soon = since + (draws.exponential("first", index) * 6).astype(np.int64)
    planned = (~is_old & (buying >= NON_BUYERS)) | buys_once
    edges = np.cumsum(np.array([p.channels for p in PERSONAS]), axis=1)[persona]
    liked = np.argsort(draws.uniform("channels", index[:, None], np.arange(3)), axis=1)
    return {
        "rate": rate,
        "first_order": np.where(planned, np.where(is_old & buys_once, once, soon), NEVER),
        **_draw_stays(draws, index, persona, since, is_old),
        "never_buys": buying < NON_BUYERS,
        "buys_once": buys_once,
        "channel_edges": edges,
        "channel_order": liked,
        "favourites": _draw_favourites(draws, index, persona),
        "discount": np.clip(of["discount"] + 0.06 * draws.normal("discount", index), 0, 0.95),
    }


def _draw_stays(
    draws: Draws, index: Ints, persona: Ints, since: Ints, is_old: Bools
) -> dict[str, Any]:
    """Draws between which days each person buys.

    People at risk stay only for months. Those of them who registered before the start begin one
    after another, as in a steady shop: if all began on the first day, all would leave in one year.
    """
    leaves_soon = persona == AT_RISK
    stays = np.array([p.stays_days for p in PERSONAS])[persona] * draws.exponential("stays", index)
    stays = np.where(leaves_soon, 70 + 190 * draws.uniform("stays", index), stays + 30)
    came = (STEADY_DAYS + stays) * draws.uniform("came", index) - stays
    begins = np.where(leaves_soon & is_old, np.floor(came).astype(np.int64), since)
    return {"active_from": np.maximum(begins, 0), "leaves": begins + stays.astype(np.int64)}


def _draw_favourites(draws: Draws, index: Ints, persona: Ints) -> Ints:
    """Draws four favourite categories, the first two the most bought.

    Some personas prefer expensive categories, and some cheap ones.
    """
    median = np.array([m for m, _, _ in names.CATEGORIES.values()]) / 3400
    bent = np.array([median**p.taste_for_expensive for p in PERSONAS])
    edges = np.cumsum(bent / bent.sum(axis=1, keepdims=True), axis=1)[persona]
    draw = draws.uniform("favourites", index[:, None], np.arange(4))
    passed = draw[:, :, None] >= edges[:, None, : CATEGORY_COUNT - 1]
    return np.asarray(passed.sum(axis=2), dtype=np.int64)


def _draw_home(draws: Draws, index: Ints) -> dict[str, Any]:
    """Draws name, sex, age and address; 30 % of pairs of consecutive numbers share a household."""
    pair = index & ~1
    household = np.where(draws.uniform("shares home", pair) < 0.3, pair, index)
    gender = _draw_gender(draws, index)
    common = draws.uniform("name is common", household) < 0.12
    family = draws.uniform("family", household)
    commons = 14
    last = np.where(common, family * commons, commons + family * (len(names.FAMILY) - commons))
    return {
        "household": household,
        "gender": gender,
        "first_name": _draw_first_names(draws, index, household),
        "last_name": last.astype(np.int64),
        "born": draws.integers("born", -55 * 365, 0, index) - OLDEST_CUSTOMER_DAYS - 18 * 366,
        "state": draws.pick("state", [s.weight for s in names.STATES.values()], household),
        "town": draws.integers("town", 0, names.TOWNS_IN_A_STATE - 1, household),
        "street": draws.integers("street", 0, len(names.STREETS) - 1, household),
        "number": draws.integers("number", 1, 2400, household),
        "new_town": draws.integers("new town", 0, names.TOWNS_IN_A_STATE - 1, index),
        "new_street": draws.integers("new street", 0, len(names.STREETS) - 1, index),
        "new_number": draws.integers("new number", 1, 2400, index),
    }


def _draw_gender(draws: Draws, index: Ints) -> Ints:
    return draws.pick("gender", [0.52, 0.46, 0.02], index)


def _draw_first_names(draws: Draws, index: Ints, household: Ints) -> Ints:
    """Draws first names; if two people in a home would have the same, one gets the next name."""
    name, housemates = (_draw_any_name(draws, person) for person in (index, household))
    return np.where((household != index) & (name == housemates), NEXT_NAME[name], name)


def _draw_any_name(draws: Draws, index: Ints) -> Ints:
    gender = _draw_gender(draws, index)
    adrift = draws.pick("adrift", [0.985, 0.015], index) == 1
    choices = np.where(gender == 0, len(names.FEMALE), len(names.MALE))
    first = (draws.uniform("first name", index) ** 1.4 * choices).astype(np.int64)
    first += np.where(gender == 0, 0, len(names.FEMALE))
    neutral = len(names.FEMALE) + len(names.MALE)
    return np.where(
        (gender == 2) | adrift,
        neutral + draws.integers("neutral", 0, len(names.NEUTRAL) - 1, index),
        first,
    )


def _draw_changes(draws: Draws, index: Ints, persona: Ints, registered: Ints) -> dict[str, Any]:
    """Draws what changes about each person over time, and when."""
    since = np.maximum(registered, 0) + 1
    moves = since + draws.integers("moves", 0, 1400, index)
    changes = since + draws.integers("segment changes", 0, 1400, index)
    premium = np.isin(persona, (0, 2, 3))
    noise = draws.uniform("segment", index)
    segment = np.where(noise < 0.2, 1, np.where(premium, 0, np.where(persona == 4, 2, 1)))
    asked = draws.uniform("consents", index[:, None], np.arange(4))
    reconsiders = draws.uniform("reconsiders", index[:, None], np.arange(4)) < 0.12
    day = since[:, None] + draws.integers("consent day", 0, 900, index[:, None], np.arange(4))
    return {
        "moves": np.where(draws.uniform("mover", index) < 0.25, moves, NEVER),
        "segment": segment,
        "new_segment": (segment + 1) % 3,
        "segment_changes": np.where(draws.uniform("riser", index) < 0.25, changes, NEVER),
        "member_from": np.where(
            draws.uniform("member", index) < 0.62,
            np.maximum(registered, -365) + draws.integers("joins", 0, 90, index),
            NEVER,
        ),
        "consents": asked < np.array([0.68, 0.45, 0.74, 0.85]),
        "consent_changes": np.where(reconsiders, day, NEVER),
    }
