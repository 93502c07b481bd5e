"""A customer's id lasts through reruns, rebuilds, merges, splits and decisions on others."""

import polars as pl

from c360_dagster.identity import Memory, Resolution, resolve
from tests.identity.worlds import Row, frame, ids, person, record

A = person(1) | {"registered_at": "2024-01-01 09:00:00"}
B = person(2) | {"registered_at": "2024-02-01 09:00:00"}
LEFT, RIGHT = record("crm", "C5", A), record("crm", "C3", B)
BARE = record(
    "crm",
    "C5",
    A,
    first_name=None,
    last_name=None,
    date_of_birth=None,
    phone=None,
    address_line1=None,
    city=None,
)
BRIDGE = record(
    "crm",
    "C9",
    A,
    first_name=B["first_name"],
    last_name=B["last_name"],
    email=A["email"],
    phone=B["phone"],
    date_of_birth=None,
)
TOGETHER = {"always": [[["crm", "C5"], ["crm", "C3"]]]}


def redirects(found: Resolution) -> dict[str, str]:
    return dict(found.redirects.iter_rows())


def twin_of(row: Row, key: str, **changes: str | None) -> Row:
    return {**row, "source_id": key, **changes}


def test_the_anchor_gives_the_id() -> None:
    later = record("crm", "C1", A, registered_at="2024-03-01 09:00:00")
    undated = record("crm", "C0", A, registered_at=None)
    shop = record("workbooks", "0001", A, registered_at="2020-01-01 00:00:00")
    found = resolve(frame([later, undated, LEFT, shop]))
    assert set(found.identities["customer_id"]) == {"C5"}
    assert set(resolve(frame([shop])).identities["customer_id"]) == {"wb-0001"}


def test_an_id_is_kept_when_an_earlier_record_joins() -> None:
    shop = record("workbooks", "0001", A)
    first = resolve(frame([shop]))
    second = resolve(frame([shop, LEFT]), first)
    assert set(second.identities["customer_id"]) == {"wb-0001"}
    assert second.merges.height == 0


def test_a_bridge_merges_once_and_its_going_splits() -> None:
    left, middle = BARE, BRIDGE
    first = resolve(frame([left, RIGHT]))
    assert ids(first.identities) == {("crm", "C5"): "C5", ("crm", "C3"): "C3"}

    second = resolve(frame([left, middle, RIGHT]), first)
    assert set(second.identities["customer_id"]) == {"C5"}
    assert second.merges.rows() == [("merge", "C3", "C5", second.merges["why"][0])]
    assert "crm:C9" in second.merges["why"][0]
    assert redirects(second) == {"C3": "C5"}
    assert resolve(frame([left, middle, RIGHT]), second).merges.height == 0

    third = resolve(frame([left, RIGHT]), second)
    assert ids(third.identities) == {("crm", "C5"): "C5", ("crm", "C3"): "C3"}
    assert third.merges.select("kind", "from_id", "to_id").rows() == [("split", "C5", "C3")]
    assert "crm:C9" in third.merges["why"][0]
    assert redirects(third) == {}


def test_a_split_is_not_blamed_on_a_record_that_joined_nobody() -> None:
    """Of one person's three records, C7 goes and C6 gets another e-mail, which parts C5 and C6.

    The reason must not name C7, which joined nobody.
    """
    only = dict.fromkeys(("date_of_birth", "address_line1", "city", "state", "zip_code"))
    by_mail = twin_of(LEFT, "C6", phone=None, **only)
    by_phone = twin_of(LEFT, "C7", email=None, **only)
    first = resolve(frame([LEFT, by_mail, by_phone]))
    assert set(first.identities["customer_id"]) == {"C5"}
    second = resolve(frame([LEFT, twin_of(by_mail, "C6", email="elsewhere@example.org")]), first)
    assert second.merges.rows() == [
        ("split", "C5", "C6", "Nothing links crm:C6 and crm:C5 strongly enough any more.")
    ]


def test_a_merge_is_not_explained_by_a_link_that_was_not_followed() -> None:
    """C4 looks like C3, but the two stand under never. The newcomer C9 shares only a name with C4.

    The reason for the merge must name C9 and not C4.
    """
    image = twin_of(RIGHT, "C4", phone=None)
    apart = {"never": [[["crm", "C3"], ["crm", "C4"]]]}
    first = resolve(frame([BARE, RIGHT, image]), None, apart)
    second = resolve(frame([BARE, RIGHT, image, BRIDGE]), first, apart)
    (why,) = second.merges["why"]
    assert "crm:C9" in why
    assert "crm:C4" not in why


def test_always_merges_and_removing_the_line_undoes_it() -> None:
    rows = frame([LEFT, RIGHT])
    first = resolve(rows)
    second = resolve(rows, first, TOGETHER)
    assert set(second.identities["customer_id"]) == {"C5"}
    assert second.merges["why"].to_list() == ["crm:C3 and crm:C5 stand under always."]
    third = resolve(rows, second)
    assert ids(third.identities) == ids(first.identities)


def test_never_parts_and_removing_the_line_undoes_it() -> None:
    rows = frame([LEFT, twin_of(LEFT, "C6", registered_at="2024-05-01 00:00:00")])
    first = resolve(rows)
    apart = {"never": [[["crm", "C6"], ["crm", "C5"]]]}
    second = resolve(rows, first, apart)
    assert ids(second.identities) == {("crm", "C5"): "C5", ("crm", "C6"): "C6"}
    assert "stand under never" in second.merges["why"][0]
    assert second.review.height == 0
    third = resolve(rows, second)
    assert set(third.identities["customer_id"]) == {"C5"}


def test_a_deleted_anchor_leaves_its_id_to_the_person() -> None:
    twin = twin_of(LEFT, "C6", registered_at="2024-05-01 00:00:00")
    first = resolve(frame([LEFT, twin]))
    second = resolve(frame([twin]), first)
    assert ids(second.identities) == {("crm", "C6"): "C5"}
    stranger = {**RIGHT, "source_id": "C5"}
    third = resolve(frame([twin, stranger]), second)
    names = ids(third.identities)
    assert names["crm", "C6"] == "C5"
    assert names["crm", "C5"] != "C5"


def test_a_redirect_follows_chains_and_outlives_its_records() -> None:
    third_person = record("crm", "C1", person(3), registered_at="2023-01-01 00:00:00")
    rows = frame([LEFT, RIGHT, third_person])
    first = resolve(rows)
    second = resolve(rows, first, TOGETHER)
    both = {"always": [*TOGETHER["always"], [["crm", "C1"], ["crm", "C5"]]]}
    third = resolve(rows, second, both)
    assert redirects(third) == {"C3": "C1", "C5": "C1"}
    fourth = resolve(frame([third_person]), third, both)
    assert redirects(fourth) == {"C3": "C1", "C5": "C1"}
    back = resolve(rows, fourth)
    assert ids(back.identities) == ids(first.identities)
    assert redirects(back) == {}


def test_ids_last_through_a_rebuild_and_other_settings(
    known_world: pl.DataFrame, resolved: Resolution
) -> None:
    alone = resolve(known_world, resolved.identities)
    assert ids(alone.identities) == ids(resolved.identities)
    strict = resolve(known_world, resolved, {"thresholds": {"link": 1.0}, "shared_by_names": 1})
    loose = resolve(known_world, strict)
    assert ids(loose.identities) == ids(resolved.identities)
    known = {*resolved.identities["customer_id"]}
    assert known <= {*strict.identities["customer_id"], *strict.redirects["from_id"]}


def test_ids_of_two_systems_may_look_alike() -> None:
    rows = [record("workbooks", "5", A), record("crm", "wb-5", B)]
    found = resolve(frame(rows))
    assert ids(found.identities) == {("crm", "wb-5"): "wb-5", ("workbooks", "5"): "wb-5-2"}
    assert ids(resolve(frame(rows), found).identities) == ids(found.identities)


def test_the_memory_survives_a_trip_through_frames(
    known_world: pl.DataFrame, resolved: Resolution
) -> None:
    again = Memory.from_frames(resolved.memory.frames())
    later = resolve(known_world, again)
    assert later.identities.equals(resolved.identities)
    assert later.report["compared_records"] == 0
    lost = {name: resolved.memory.frames()[name] for name in ("records", "ids", "former")}
    assert ids(resolve(known_world, Memory.from_frames(lost)).identities) == ids(
        resolved.identities
    )
