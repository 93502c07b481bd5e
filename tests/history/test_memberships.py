"""Who entered an audience and who left it, from one recorded day to the next."""

import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from c360_dagster.building.computed import create_computed
from c360_dagster.history import memberships as module
from c360_dagster.history.memberships import Memberships

CHANGES = """
    select audience, as_of_date::text, customer_id, change, before_date::text
    from {} order by all
"""
FIRST, SECOND, FOURTH = date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 4)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        create_computed(connection)
        yield connection


@pytest.fixture
def members(tmp_path: Path) -> Memberships:
    return Memberships(tmp_path / "history" / "audiences")


def query_for(*people: str) -> str:
    rows = ", ".join(f"('{each}')" for each in people)
    empty = "select null as customer_id where false"
    return f"select customer_id from (values {rows}) as t(customer_id)" if people else empty


def read(con: duckdb.DuckDBPyConnection, members: Memberships) -> list[tuple[str, ...]]:
    members.create_view(con)
    return con.execute(CHANGES.format(module.RELATION)).fetchall()


def test_each_day_is_compared_with_the_one_recorded_before(
    con: duckdb.DuckDBPyConnection, members: Memberships
) -> None:
    assert read(con, members) == []
    members.record(con, FIRST, {"loyal": query_for("c1", "c2"), "lost": query_for()})
    assert read(con, members) == [], "nobody comes on an audience's first day"
    members.record(
        con, FOURTH, {"loyal": query_for("c3"), "lost": query_for("c1"), "new": query_for("c9")}
    )
    assert read(con, members) == [
        ("lost", "2026-01-04", "c1", "entered", "2026-01-01"),
        ("loyal", "2026-01-04", "c1", "left", "2026-01-01"),
        ("loyal", "2026-01-04", "c2", "left", "2026-01-01"),
        ("loyal", "2026-01-04", "c3", "entered", "2026-01-01"),
    ]
    members.record(con, SECOND, {"loyal": query_for("c2", "c3"), "lost": query_for()})
    assert read(con, members) == [
        ("lost", "2026-01-04", "c1", "entered", "2026-01-02"),
        ("loyal", "2026-01-02", "c1", "left", "2026-01-01"),
        ("loyal", "2026-01-02", "c3", "entered", "2026-01-01"),
        ("loyal", "2026-01-04", "c2", "left", "2026-01-02"),
    ], "a day in between, asked for later, parts what was one step"


def test_an_audience_that_became_empty_is_recorded(
    con: duckdb.DuckDBPyConnection, members: Memberships
) -> None:
    members.record(con, FIRST, {"loyal": query_for("c1")})
    members.record(con, SECOND, {"loyal": query_for()})
    assert [row[2:4] for row in read(con, members)] == [("c1", "left")]


def test_one_wrong_question_is_named_and_the_others_are_asked(
    con: duckdb.DuckDBPyConnection, members: Memberships
) -> None:
    members.record(con, FIRST, {"loyal": query_for("c1")})
    wrong = "select cast('x' as integer) as customer_id"
    problems = members.record(con, SECOND, {"bad": wrong, "loyal": query_for("c1", "c2")})
    assert list(problems) == ["bad"]
    assert "x" in problems["bad"]
    assert [row[:3] for row in read(con, members)] == [("loyal", "2026-01-02", "c2")]
    assert stat.S_IMODE(members.folder.stat().st_mode) == 0o700
    assert all(
        stat.S_IMODE(path.stat().st_mode) == 0o600 for path in members.folder.glob("*.parquet")
    )


def test_changes_of_the_last_days_are_published(
    con: duckdb.DuckDBPyConnection, members: Memberships, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert con.execute(f"select * {members.excerpt()}").fetchall() == []
    monkeypatch.setattr(module, "DAYS_PUBLISHED", 1)
    for day, people in ((FIRST, ("c1",)), (SECOND, ("c2",)), (FOURTH, ("c2", "c3"))):
        members.record(con, day, {"loyal": query_for(*people)})
    found = con.execute(f"select customer_id, change {members.excerpt()}").fetchall()
    assert found == [("c3", "entered")]
    told = {key: each.value for key, each in members.report(con).metadata.items()}
    assert told == {"as_of": "2026-01-04", "entered": 1, "left": 0}
    assert len(read(con, members)) == 3
    members.record(con, date(2026, 1, 5), {"loyal": query_for("c2", "c3")})
    told = {key: each.value for key, each in members.report(con).metadata.items()}
    assert told == {"as_of": "-", "entered": 0, "left": 0}, "nobody came or left on the last day"
