"""A day looks only at the neighbourhood of what changed, and finds the same as looking at all.

For comparison, a memory without its grouping has everybody compared and grouped again.
"""

import dataclasses

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c360_dagster.identity import Memory, Resolution, recall, resolve
from c360_dagster.identity.records import KEY
from tests.identity.worlds import COLUMNS, Row, frame, ids, person, record

PEOPLE, RECORDS = 20, 50
SWITCHBOARD, OFFICE = "700-555-0100", (6, 22, 30, 43)
"""As many records as may share a phone. With one more, the phone counts as nobody's."""
FRAMES = ("identities", "merges", "review", "redirects")


def crowd() -> list[Row]:
    """Returns several records each of few people, so similar that guards and key limits matter."""
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
        if number in OFFICE:
            row["phone"] = SWITCHBOARD
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
    """(record, field, other record): from now on the record has the other's value in that field.

    If the field is empty, it takes over all fields.
    """
    switchboard: frozenset[int]
    """The records that have the office's phone on that day."""
    always: list[tuple[int, int]]
    never: list[tuple[int, int]]


days = st.builds(
    Day,
    gone=st.frozensets(records, max_size=4),
    moves=st.lists(st.tuples(records, fields, records), max_size=3),
    switchboard=st.one_of(st.just(frozenset()), st.frozensets(records, min_size=1, max_size=3)),
    always=pairs,
    never=pairs,
)


def apply_day(rows: list[Row], day: Day) -> list[Row]:
    """Returns the day's records and changes `rows` for good by the day's moves.

    Records are gone, or have the office's phone, only for that day.
    """
    for at, field, other in day.moves:
        values = {field: rows[other][field]} if field else rows[other]
        rows[at] = {**rows[at], **values, **{name: ROWS[at][name] for name in KEY}}
    return [
        {**row, "phone": SWITCHBOARD} if at in day.switchboard else row
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
def resolved_crowd(resolved: Resolution) -> Resolution:
    """The crowd, resolved with a model that learnt from a larger world."""
    model = resolved.memory.last_model
    assert model
    own = dataclasses.replace(model, records=RECORDS, scale=1)
    learnt = {
        "model": pl.DataFrame({"text": [own.to_json()]}),
        "frequencies": resolved.memory.frequencies,
    }
    return resolve(frame(ROWS), Memory.from_frames(learnt))


@settings(max_examples=10, deadline=None, derandomize=True)
@given(plan=st.lists(days, min_size=2, max_size=2))
def test_resolving_the_neighbourhood_equals_resolving_everybody(
    resolved_crowd: Resolution, plan: list[Day]
) -> None:
    rows, found = list(ROWS), resolved_crowd
    for day in plan:
        present, rules, memory = frame(apply_day(rows, day)), decide(day), found.memory
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


def test_a_record_that_returns_as_another_person_gets_a_new_id() -> None:
    """The record that stayed is looked at again too, although nothing links it to the newcomer."""
    one, other, stranger = (
        record("crm", key, person(n)) for key, n in (("1", 1), ("2", 1), ("3", 2))
    )
    rest = [record("crm", f"9{n}", person(n)) for n in range(5, 12)]
    first = resolve(frame([one, other, *rest]))
    second = resolve(frame([other, *rest]), first)
    assert not second.report["is_settled_anew"]
    third = resolve(frame([{**stranger, "source_id": "1"}, other, *rest]), second)
    names = ids(third.identities)
    assert names["crm", "2"] == "1"
    assert names["crm", "1"] == "1-2"
    assert third.merges.select("kind", "from_id", "to_id").rows() == [("split", "1", "1-2")]


def test_records_that_become_comparable_by_a_removal_are_compared(
    resolved_crowd: Resolution,
) -> None:
    """Nine records that share only a name are too many to be compared; eight are not.

    When one of the nine goes, the other eight must be compared, and they become one person.
    """
    names = {**dict.fromkeys(COLUMNS), "first_name": "Zelda", "last_name": "Zimmer"}
    nine = [record("pos", f"z{number}", names) for number in range(9)]
    first = resolve(frame([*ROWS, *nine]), resolved_crowd)
    assert first.report["people"] == resolved_crowd.report["people"] + 9
    second = resolve(frame([*ROWS, *nine[1:]]), first)
    assert second.report["people"] == resolved_crowd.report["people"] + 1
    everybody = resolve(frame([*ROWS, *nine[1:]]), forget_groups(first.memory))
    assert second.identities.equals(everybody.identities)
    assert resolve(frame([*ROWS, *nine]), second).report["people"] > second.report["people"]


def test_a_cut_is_kept_if_a_new_comparison_changes_nothing(resolved_crowd: Resolution) -> None:
    """One more record with the same name makes the name too common to be a key.

    The cut record is then looked at again with the same result, and its cut must be kept.
    """
    cut = resolved_crowd.memory.links.drop_nulls("cut")["left"][0]
    (key,) = resolved_crowd.memory.records["source_id"].gather([cut])
    (cut_row,) = (row for row in ROWS if row["source_id"] == key)
    name = {part: cut_row[part] for part in ("first_name", "last_name")}
    alike = sum(name.items() <= row.items() for row in ROWS)
    others = [record("pos", f"z{n}", person(100 + n), **name) for n in range(9 - alike)]
    first = resolve(frame([*ROWS, *others[1:]]), resolved_crowd)
    second = resolve(frame([*ROWS, *others]), first)
    assert second.report["compared_records"] == 1
    everybody = resolve(frame([*ROWS, *others]), forget_groups(first.memory))
    assert second.memory.links.equals(everybody.memory.links)
    assert second.review.equals(everybody.review)


def test_a_shared_value_stays_shared_while_its_records_stay(resolved_crowd: Resolution) -> None:
    shared = [{**row, "phone": SWITCHBOARD} if at == 1 else row for at, row in enumerate(ROWS)]
    first = resolve(frame(shared), resolved_crowd)
    assert (resolved_crowd.report["shared_values"], first.report["shared_values"]) == (0, 1)
    moved = [{**row, "city": None} if at == 49 else row for at, row in enumerate(shared)]
    second = resolve(frame(moved), first)
    assert second.report["compared_records"] == 1
    assert second.memory.shared.equals(first.memory.shared)
    assert second.review["reason"].str.contains("is shared by 5 records").any()


def test_other_limits_group_everybody_anew(resolved_crowd: Resolution) -> None:
    alone = {"limits": {"records": 1}}
    found = resolve(frame(ROWS), resolved_crowd, alone)
    assert found.report["compared_records"] == 0
    assert found.report["people"] == RECORDS
    everybody = resolve(frame(ROWS), forget_groups(resolved_crowd.memory), alone)
    assert found.identities.equals(everybody.identities)
    assert found.memory.records.equals(everybody.memory.records)


def test_only_groups_in_the_neighbourhood_are_judged_again(resolved_crowd: Resolution) -> None:
    """Two records change; all records that are not tied to them are copied from the memory."""
    told = resolved_crowd.memory.records.with_columns(match_rule=pl.lit("as remembered"))
    memory = dataclasses.replace(resolved_crowd.memory, records=told)
    moved = [{**row, "phone": "800-555-0111"} if at < 2 else row for at, row in enumerate(ROWS)]
    rules = resolve(frame(moved), memory).identities["match_rule"]
    assert 0 < (rules != "as remembered").sum() < RECORDS / 2


def test_ids_and_model_of_an_older_versions_memory_are_used(resolved_crowd: Resolution) -> None:
    frames = resolved_crowd.memory.frames()
    new = {"match_rule", "match_probability", "is_decided"}
    older = {
        **frames,
        "records": frames["records"].drop(new),
        "links": pl.DataFrame(schema=dict.fromkeys(("left_system", "left_id"), pl.String)),
        "model": frames["model"].drop("grouping"),
    }
    del older["shared"]
    found = resolve(frame(ROWS), Memory.from_frames(older))
    assert not found.report["is_settled_anew"]
    assert found.report["compared_records"] == RECORDS
    assert found.identities.equals(resolved_crowd.identities)
    assert found.changed.is_empty()
    assert found.memory.links.equals(resolved_crowd.memory.links)


@pytest.mark.parametrize("numbers", [1, 7])
def test_keys_with_the_same_hash_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, numbers: int
) -> None:
    monkeypatch.setattr(
        recall, "hash_keys", lambda frame: frame.select(pl.struct(KEY).hash() % numbers)
    )
    now, then = (frame([record("crm", key, person(1)) for key in keys]) for keys in ("abc", "cdb"))
    assert recall.find_places(now, then).to_list() == [None, 2, 0]
    assert recall.find_places(now[:1], then[:1]).to_list() == [None]
