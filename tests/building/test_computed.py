"""Tables that Python fills for dbt: they exist before that, and are replaced all together."""

from collections.abc import Iterator

import duckdb
import polars as pl
import pytest

from c360_dagster.building.computed import (
    create_computed,
    read_computed,
    replace_computed,
    replace_rows,
    write_comment,
)
from c360_dagster.building.marks import read_comments

REDIRECTS = "identity.redirects"


def test_shared_descriptions_are_filled_in_for_each_table() -> None:
    said = [column.description for table in read_computed().values() for column in table.columns]
    assert "The customer: the golden id, one per person." in " ".join(said)
    assert [text for text in said if "{" in text or not text.strip()] == []


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def redirects(*pairs: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema=["from_id", "to_id"], orient="row")


def test_every_table_is_there_and_empty(con: duckdb.DuckDBPyConnection) -> None:
    create_computed(con)
    for relation, table in read_computed().items():
        described = con.execute(f"describe {relation}").fetchall()
        assert [row[0] for row in described] == [column.name for column in table.columns]
        assert con.execute(f"select count(*) from {relation}").fetchall() == [(0,)]


def test_creating_again_keeps_rows(con: duckdb.DuckDBPyConnection) -> None:
    replace_computed(con, {REDIRECTS: redirects(("c2", "c1"))})
    create_computed(con)
    assert con.execute(f"from {REDIRECTS}").fetchall() == [("c2", "c1")]


def test_a_table_declared_otherwise_is_made_anew(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create schema identity; create table identity.redirects (old_id integer)")
    replace_computed(con, {REDIRECTS: redirects(("c2", "c1"))})
    assert con.execute(f"from {REDIRECTS}").fetchall() == [("c2", "c1")]


def test_all_are_replaced_or_none(con: duckdb.DuckDBPyConnection) -> None:
    replace_computed(con, {REDIRECTS: redirects(("c2", "c1"))})
    bad = pl.DataFrame({name.name: ["x"] for name in read_computed()["identity.merges"].columns})
    with pytest.raises(duckdb.ConversionException):
        replace_computed(con, {REDIRECTS: redirects(("c3", "c1")), "identity.merges": bad})
    assert con.execute(f"from {REDIRECTS}").fetchall() == [("c2", "c1")]


def test_rows_make_way_for_those_with_their_keys(con: duckdb.DuckDBPyConnection) -> None:
    replace_computed(con, {REDIRECTS: redirects(("c2", "c1"), ("c3", "c1"), ("c4", "c1"))})
    replace_rows(con, REDIRECTS, redirects(("c2", "c4")), pl.DataFrame({"from_id": ["c2", "c3"]}))
    assert sorted(con.execute(f"from {REDIRECTS}").fetchall()) == [("c2", "c4"), ("c4", "c1")]


def test_new_rows_do_not_keep_the_comment_of_the_old_ones(con: duckdb.DuckDBPyConnection) -> None:
    replace_computed(con, {REDIRECTS: redirects(("c2", "c1"))})
    write_comment(con, REDIRECTS, "made of it's own")
    assert read_comments(con)[REDIRECTS] == "made of it's own"
    replace_computed(con, {REDIRECTS: redirects(("c3", "c1"))})
    assert not read_comments(con)[REDIRECTS]
