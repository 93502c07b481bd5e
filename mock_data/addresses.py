"""People's e-mail addresses, phone numbers and streets, as any of the systems may know them."""

import numpy as np
import polars as pl

from mock_data import names
from mock_data.draws import Bools, Ints
from mock_data.text import padded, whole, words
from mock_data.world import People, World

FIRST_NAMES = pl.Series([*names.FEMALE, *names.MALE, *names.NEUTRAL])
POSTAL_AREAS = [s.postal_area for s in names.STATES.values()]
STREETS, TOWNS = pl.Series(names.STREETS), pl.Series(names.TOWNS)


def email_of(people: People, row: Ints, variant: Ints) -> pl.Series:
    """Returns addresses at reserved example domains; each variant gives a person another one."""
    first, last = (
        words(FIRST_NAMES, people.first_name[row]),
        words(names.FAMILY, people.last_name[row]),
    )
    host = (people.number[row] + people.street[row] + variant) % len(names.MAIL_HOSTS)
    local = (first + "." + last).str.to_lowercase()
    tail = people.index[row] % 9973 + variant
    return local + whole(tail) + "@" + words(names.MAIL_HOSTS, host)


def phone_parts(world: World, index: Ints, other: Ints) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Returns area code, exchange and line of phone numbers; no such area code is in use."""
    number = world.draws.integers("phone", 0, 80 * 800 * 10_000 - 1, index, other)
    area = words(names.AREA_CODES, number % 80)
    return area, whole(200 + number // 80 % 800), padded(number // 64_000, 4)


def address_of(
    people: People, row: Ints, day: Ints | int, backwards: Bools | None = None
) -> tuple[pl.Series, pl.Series, pl.Series, pl.Series]:
    """Returns street, town, state and postal code on a day.

    Where `backwards` is true, the address is the other one: old instead of new, or new instead of
    old.
    """
    moved = people.moves[row] <= day
    if backwards is not None:
        moved = moved ^ backwards
    town = np.where(moved, people.new_town[row], people.town[row])
    street = np.where(moved, people.new_street[row], people.street[row])
    number = np.where(moved, people.new_number[row], people.number[row])
    state = people.state[row]
    return (
        whole(number) + " " + words(STREETS, street),
        words(TOWNS, state * names.TOWNS_IN_A_STATE + town),
        words(names.STATE_CODES, state),
        words(POSTAL_AREAS, state) + padded(1 + town * 4, 2),
    )
