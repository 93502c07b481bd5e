"""Which of several values becomes the person's, which record it comes from, and which lose."""

import polars as pl
import pytest

from c360_dagster.identity import Resolution, resolve
from tests.identity.worlds import Row, frame, person, record

TRUTH = person(4) | {"email": "new@mail.example", "phone": None}
ROWS = [
    record(
        "crm",
        "C1",
        TRUTH,
        email="old@mail.example",
        last_name="Oakley",
        city="Ashton",
        zip_code="01001",
        address_line1="1 Elm Street",
        registered_at="2023-01-01 00:00:00",
    ),
    record(
        "crm",
        "C2",
        TRUTH,
        last_name="Oakley",
        city="Birchton",
        zip_code="02002",
        address_line1="2 Oak Street",
        registered_at="2024-01-01 00:00:00",
    ),
    record(
        "workbooks",
        "9",
        TRUTH,
        email="not an address",
        last_name="Oakly",
        city="Cedarton",
        zip_code=None,
        address_line1=None,
        registered_at="2025-01-01 00:00:00",
    ),
]
AS_ONE = {"always": [[["crm", "C1"], ["crm", "C2"]], [["crm", "C1"], ["workbooks", "9"]]]}


def resolve_with(**survivorship: object) -> Resolution:
    return resolve(frame(ROWS), rules={**AS_ONE, "survivorship": survivorship})


def golden(found: Resolution, field: str) -> object:
    return found.golden[field].item()


@pytest.mark.parametrize(
    ("way", "last_name"),
    [
        ("most_frequent", "Oakley"),
        ("most_recent", "Oakly"),
        ("earliest", "Oakley"),
        ("longest_valid", "Oakley"),
        ("source_priority", "Oakley"),
    ],
)
def test_each_survivorship_rule_picks_its_value(way: str, last_name: str) -> None:
    assert golden(resolve_with(fields={"last_name": way}), "last_name") == last_name


def test_an_invalid_email_address_never_wins() -> None:
    found = resolve_with()
    assert golden(found, "email") == "new@mail.example"
    won = found.provenance.filter(field="email").row(0, named=True)
    assert (won["source_id"], won["rule"]) == ("C2", "most_recent")
    assert won["losing_values"] == "not an address (workbooks:9); old@mail.example (crm:C1)"


def test_records_with_a_losing_value_are_named() -> None:
    told = resolve_with(fields={"last_name": "most_recent"}).provenance.filter(field="last_name")
    assert told["losing_values"].to_list() == ["Oakley (crm:C1, crm:C2)"]


def test_a_placeholder_wins_only_without_a_real_value() -> None:
    """A placeholder (no-reply address, zero phone) loses even if it is newer.

    It stands for somebody who was asked for an e-mail and a phone and gave none.
    """
    old, new = ROWS[1], ROWS[2]
    own: Row = {"email": "new@mail.example", "phone": "212-555-0147"}
    none: Row = {"email": "noreply@shop.example", "phone": "000-000-0000"}
    rules = {"always": [[["crm", "C2"], ["workbooks", "9"]]]}
    both = resolve(frame([old | own, new | none]), rules=rules)
    assert {name: golden(both, name) for name in own} == own
    alone = resolve(frame([old | {"email": None}, new | none]), rules=rules)
    assert {name: golden(alone, name) for name in none} == none


def test_the_parts_of_an_address_come_from_one_record() -> None:
    found = resolve_with()
    home = [golden(found, name) for name in ("address_line1", "city", "zip_code")]
    assert home == ["2 Oak Street", "Birchton", "02002"]


def test_values_that_records_agree_on_or_one_alone_has_survive() -> None:
    """There are two people with two records each.

    The second person's records agree wherever both have a value.
    """
    pairs = [[["crm", "C1"], ["crm", "C2"]], [["crm", "C4"], ["workbooks", "4"]]]
    told = person(7) | {"gender": "F"}
    rows = [
        *ROWS[:2],
        record("crm", "C4", told, phone=None, zip_code=None),
        record("workbooks", "4", told, gender=None, date_of_birth=None),
    ]
    found = resolve(frame(rows), rules={"always": pairs})
    second_person = found.golden.filter(customer_id="C4").row(0, named=True)
    assert {name: second_person[name] for name in told} == told
    origins = found.provenance.filter(customer_id="C4")
    assert set(origins["rule"]) == {"only value"}
    assert dict(origins.select("field", "source_id").iter_rows()) == {
        name: "4" if name in {"phone", "zip_code"} else "C4" for name in told
    }


def test_a_gap_in_an_address_is_not_filled_from_another_one() -> None:
    moved = ROWS[1] | {"zip_code": None}
    found = resolve(frame([ROWS[0], moved]), rules={"always": AS_ONE["always"][:1]})
    home = [golden(found, name) for name in ("address_line1", "city", "zip_code")]
    assert home == ["2 Oak Street", "Birchton", None]


def test_sources_have_their_order() -> None:
    found = resolve_with(source_order=["workbooks"], fields={"last_name": "source_priority"})
    assert golden(found, "last_name") == "Oakly"
    assert golden(found, "source_records") == 3


def test_every_surviving_value_has_its_source(
    known_world: pl.DataFrame, resolved: Resolution
) -> None:
    values = resolved.golden.drop("source_records").unpivot(index="customer_id").drop_nulls()
    told = resolved.provenance.select("customer_id", pl.col("field").alias("variable"), "value")
    assert values.sort(values.columns).equals(told.sort(told.columns))
    long = known_world.unpivot(index=["source_system", "source_id"], variable_name="field")
    true = resolved.provenance.join(
        long, on=["source_system", "source_id", "field", "value"], how="semi"
    )
    assert true.height == resolved.provenance.height


def test_a_time_is_written_as_the_database_writes_it() -> None:
    rows = frame(ROWS).with_columns(pl.col("registered_at").str.to_datetime(time_unit="us"))
    told = resolve(rows, rules=AS_ONE).provenance.filter(field="registered_at")
    assert told["value"].to_list() == ["2023-01-01 00:00:00"]
    assert told["losing_values"].to_list() == [
        "2024-01-01 00:00:00 (crm:C2); 2025-01-01 00:00:00 (workbooks:9)"
    ]


def test_other_columns_are_carried_along() -> None:
    rows = frame(ROWS).with_columns(country=pl.lit("US"), points=pl.Series([1, 2, 3]))
    found = resolve(rows, rules={**AS_ONE, "survivorship": {"fields": {"points": "most_recent"}}})
    assert (golden(found, "country"), golden(found, "points")) == ("US", 3)
