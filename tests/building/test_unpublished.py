"""The keys of rows that builds changed since the last publication are noted once each."""

from collections.abc import Iterator

import duckdb
import pytest

from c360_dagster.building.unpublished import find_changed, note_changes, start_again

KEYS = {"lines": 'thing, "order"', "never_built": "thing"}


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute('create schema gold; create table gold.lines (thing int, "order" int, sum int)')
        con.execute("comment on table gold.lines is 'continued'; create schema changes")
        yield con


def change(con: duckdb.DuckDBPyConnection, row: str) -> None:
    con.execute(f"create or replace table changes.lines as from gold.lines union all {row}")


def test_a_changed_row_is_listed_once_by_its_whole_key(con: duckdb.DuckDBPyConnection) -> None:
    start_again(con, KEYS, "the publication")
    change(con, "select 1, 2, 30")
    note_changes(con)
    (query,) = find_changed(con, KEYS, "the publication").values()
    assert con.execute(query).fetchall() == [(1, 2)], "noted, and where the build works, too"
    change(con, "select 1, 3, 40")
    note_changes(con)
    con.execute("drop table changes.lines")
    (query,) = find_changed(con, KEYS, "the publication").values()
    assert sorted(con.execute(query).fetchall()) == [(1, 2), (1, 3)]


def test_notes_in_another_database_do_not_count(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("attach ':memory:' as theirs; use theirs; create schema gold")
    con.execute('create table gold.lines as select 1 as thing, 2 as "order"')
    start_again(con, KEYS, "the publication")
    con.execute("use memory")
    assert find_changed(con, KEYS, "the publication") == {}
