"""Comparing day by day gives the same people as comparing everything at once."""

import dataclasses
import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c360_dagster.identity import Memory, Resolution, resolve
from c360_dagster.identity.memory import SCHEMAS
from tests.identity.worlds import frame, ids, partition, person, record, world


def compare_everything(records: pl.DataFrame, memory: Memory) -> Resolution:
    """Compares all records at once; of the memory it uses only the model."""
    empty = {
        name: pl.DataFrame(schema=SCHEMAS[name]) for name in ("records", "links", "ids", "former")
    }
    return resolve(records, dataclasses.replace(memory, **empty))


def change(records: pl.DataFrame, step: int) -> pl.DataFrame:
    """Simulates a day: some records go, some change, some come; six share a phone."""
    draw = random.Random(step)
    rows = [row for row in records.to_dicts() if draw.random() > 0.03]
    for row in draw.sample(rows, 25):
        other = draw.choice(rows)
        field = draw.choice(["email", "phone", "last_name", "date_of_birth", "city"])
        row[field] = draw.choice([None, other[field], "n/a"])
    for row in draw.sample(rows, 6):
        row["phone"] = "700-555-0100" if step % 2 else person(step)["phone"]
    new = [record("crm", f"N{step}-{n}", person(draw.randrange(700))) for n in range(20)]
    new += [record("pos", f"{step}-{n}", draw.choice(rows)) for n in range(15)]
    return frame([*rows, *new]).sample(fraction=1, shuffle=True, seed=step)


def test_day_by_day_equals_all_at_once() -> None:
    records = world(400)
    found = resolve(records)
    for step in range(5):
        records = change(records, step)
        found = resolve(records, found)
        at_once = compare_everything(records, found.memory)
        assert not found.report["is_settled_anew"]
        assert found.report["compared_records"] < at_once.report["compared_records"] / 2
        assert partition(found.identities) == partition(at_once.identities)
        assert found.memory.links.equals(at_once.memory.links)
        assert found.review["reason"].to_list() == at_once.review["reason"].to_list()


def test_only_changed_people_get_new_surviving_values() -> None:
    """The old rows of unchanged customers, plus the changes, equal the whole new result."""
    records = world(400)
    before = resolve(records)
    after = resolve(change(records, 1), before)
    assert before.changed.len() == before.golden.height, "at first everybody is new"
    assert 0 < after.changed.len() < after.golden.height / 3
    for name in ("golden", "provenance"):
        kept = getattr(before, name).filter(~pl.col("customer_id").is_in(after.changed.implode()))
        both = pl.concat([kept, getattr(after.changes, name)])
        assert both.sort(pl.all()).equals(getattr(after, name).sort(pl.all())), name


def test_a_changed_field_that_is_not_compared_still_changes_the_record() -> None:
    records = world(40).with_columns(gender=pl.lit("F"))
    before = resolve(records)
    other = records.with_columns(
        gender=pl.when(pl.col("source_id") == "C7").then(pl.lit("M")).otherwise("gender")
    )
    after = resolve(other, before)
    assert after.report["compared_records"] == 0
    assert after.changed.to_list() == [ids(after.identities)["crm", "C7"]]
    longest = {"survivorship": {"fields": {"city": "longest_valid"}}}
    assert resolve(other, after, longest).changed.len() == after.golden.height


def test_rows_may_come_in_any_order(known_world: pl.DataFrame, resolved: Resolution) -> None:
    shuffled = resolve(known_world.sample(fraction=1, shuffle=True, seed=4))
    for name in ("identities", "merges", "provenance", "golden", "review", "redirects"):
        assert getattr(shuffled, name).equals(getattr(resolved, name)), name
    assert shuffled.report == resolved.report


def test_the_same_again_changes_nothing(known_world: pl.DataFrame, resolved: Resolution) -> None:
    again = resolve(known_world, resolved)
    assert again.identities.equals(resolved.identities)
    assert again.merges.height == 0
    assert again.report["comparisons"] == 0


def test_much_growth_retrains_the_model(resolved: Resolution) -> None:
    more = world(1100)
    assert resolve(more, resolved).report["is_settled_anew"]
    assert not resolve(world(620), resolved).report["is_settled_anew"]


def test_judgements_of_another_version_are_made_again(
    known_world: pl.DataFrame, resolved: Resolution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("c360_dagster.identity.recall._digest_code", lambda: "a later version's")
    later = resolve(known_world, resolved)
    assert later.report["compared_records"] == known_world.height
    assert later.changed.len() == later.golden.height, "nor does what another version told stay"
    assert not resolve(known_world, later).report["compared_records"]


SMALL = [record("crm", f"C{n}", person(n % 7)) for n in range(10)]
KEYS = [["crm", row["source_id"]] for row in SMALL]
pairs = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS)), max_size=6).map(
    lambda found: [[a, b] for a, b in found if a != b]
)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(always=pairs, never=pairs)
def test_never_is_never_violated(always: list, never: list) -> None:
    never = [pair for pair in never if pair not in always and pair[::-1] not in always]
    found = resolve(frame(SMALL), rules={"always": always, "never": never})
    of = dict(found.identities.select("source_id", "customer_id").iter_rows())
    assert all(of[a[1]] != of[b[1]] for a, b in never)
    listed = set(found.review.select("left_id", "right_id").iter_rows())
    for a, b in always:
        left, right = sorted((a[1], b[1]))
        assert of[left] == of[right] or (left, right) in listed


@settings(max_examples=15, deadline=None, derandomize=True)
@given(always=pairs)
def test_always_only_ever_joins(always: list) -> None:
    before = partition(resolve(frame(SMALL)).identities)
    after = partition(resolve(frame(SMALL), rules={"always": always}).identities)
    assert all(any(one <= other for other in after) for one in before)
