"""A day looks at the neighbourhood of what changed alone, and finds what looking at all finds.

The same memory that forgot how people were grouped has everybody compared and grouped anew.
"""

import dataclasses

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c360_dagster.identity import Memory, Resolution, resolve
from c360_dagster.identity.records import KEY
from tests.identity.worlds import Row, frame, person, record

PEOPLE, RECORDS = 20, 50
FRAMES = ("identities", "merges", "review", "redirects")


def crowd() -> list[Row]:
    """Few people, several records each, and alike enough for guards and keys' limits to matter."""
    rows = []
    for number in range(RECORDS):
        own, other = person(number % PEOPLE), person((number + 1) % PEOPLE)
        twin = person(number % PEOPLE - number % 2)
        row = record(
            ("crm", "workbooks", "pos")[number % 3],
            f"{number:02d}",
            own,
            last_name=twin["last_name"],
            city=person(number % 3)["city"],
        )
        if number % 5 == 0:
            row["email"] = other["email"]
        if number % 7 == 0:
            row["phone"], row["first_name"] = twin["phone"], None
        if number % 4 == 1:
            row["date_of_birth"], row["address_line1"] = None, None
        rows.append(row)
    return rows


ROWS = crowd()
records = st.integers(0, RECORDS - 1)
fields = st.sampled_from(["", "first_name", "last_name", "email", "phone", "date_of_birth"])
pairs = st.lists(st.tuples(records, records).filter(lambda pair: pair[0] != pair[1]), max_size=1)


@dataclasses.dataclass(frozen=True)
class Day:
    gone: frozenset[int]
    moves: list[tuple[int, str, int]]
    """A record, and whose value it has from now on in which field; in all of them, where none."""
    switchboard: frozenset[int]
    """Who has one and the same phone, that day."""
    always: list[tuple[int, int]]
    never: list[tuple[int, int]]


days = st.builds(
    Day,
    gone=st.frozensets(records, max_size=4),
    moves=st.lists(st.tuples(records, fields, records), max_size=3),
    switchboard=st.one_of(st.just(frozenset()), st.frozensets(records, min_size=4, max_size=9)),
    always=pairs,
    never=pairs,
)


def live(rows: list[Row], day: Day) -> list[Row]:
    """What is moved stays so; who is gone, or has the switchboard's phone, is so for a day."""
    for at, field, other in day.moves:
        values = {field: rows[other][field]} if field else rows[other]
        rows[at] = {**rows[at], **values, **{name: ROWS[at][name] for name in KEY}}
    return [
        {**row, "phone": "700-555-0100"} if at in day.switchboard else row
        for at, row in enumerate(rows)
        if at not in day.gone
    ]


def decide(day: Day) -> dict[str, list]:
    def name(at: int) -> list[str | None]:
        return [ROWS[at]["source_system"], ROWS[at]["source_id"]]

    always = {frozenset(pair) for pair in day.always}
    never = [pair for pair in day.never if frozenset(pair) not in always]
    return {
        kind: [[name(one), name(other)] for one, other in told]
        for kind, told in (("always", day.always), ("never", never))
    }


def forget_groups(memory: Memory) -> Memory:
    model = memory.model.with_columns(grouping=pl.lit(None, pl.String))
    return dataclasses.replace(memory, model=model)


@pytest.fixture(scope="module")
def begun(resolved: Resolution) -> Resolution:
    """The crowd, resolved with the model of a larger world."""
    model = resolved.memory.settled
    assert model
    own = dataclasses.replace(model, records=RECORDS, scale=1)
    learnt = {
        "model": pl.DataFrame({"text": [own.to_json()]}),
        "frequencies": resolved.memory.frequencies,
    }
    return resolve(frame(ROWS), Memory.from_frames(learnt))


@settings(max_examples=120, deadline=None, derandomize=False)
@given(plan=st.lists(days, min_size=2, max_size=3))
def test_the_neighbourhood_is_as_good_as_everybody(begun: Resolution, plan: list[Day]) -> None:
    rows, found = list(ROWS), begun
    for day in plan:
        present, rules, memory = frame(live(rows, day)), decide(day), found.memory
        found = resolve(present, memory, rules)
        everybody = resolve(present, forget_groups(memory), rules)
        assert everybody.report["compared_records"] == present.height
        assert not everybody.report["is_settled_anew"]
        for name in FRAMES:
            assert getattr(found, name).equals(getattr(everybody, name)), name
        assert found.changed.equals(everybody.changed)
        theirs = everybody.memory.frames()
        for name, remembered in found.memory.frames().items():
            assert remembered.equals(theirs[name]), name
