"""Which handmade nodes stand, so need no building; test_rendered.py tests dbt's own nodes."""

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest

from c360_dagster.dbt_runner.marks import find_standing, mark_nodes, record_marks
from c360_dagster.dbt_runner.rendered import Rendered, Variables

DAY: Variables = {"as_of": "2025-01-01", "since": None}


def node(unique_id: str, reads: str, *variables: str) -> Rendered:
    is_test = unique_id.startswith("test.")
    return Rendered(
        unique_id=unique_id,
        name=unique_id if is_test else unique_id.removeprefix("model."),
        selector="",
        schema="s",
        relation="",
        severity="error",
        warn_if="",
        after=(),
        reads=(reads,),
        variables=variables,
        origin="",
    )


LOW, VIEW = node("model.s.low", "bronze.loaded"), node("model.s.view", "s.low")
HIGH, TEST = node("model.s.high", "s.view", "as_of", "since"), node("test.of_high", "s.high")
ALL = (LOW, VIEW, HIGH, TEST)


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in which all nodes have just been built."""
    with duckdb.connect() as con:
        con.execute("create schema bronze; create table bronze.loaded (x int)")
        con.execute("create schema s; create table s.low (x int); create table s.high (x int)")
        con.execute("create view s.view as from s.low")
        build(con, *ALL)
        yield con


def build(
    con: duckdb.DuckDBPyConnection, *nodes: Rendered, views: tuple[Rendered, ...] = ()
) -> None:
    ended = [(each, "pass" if each.is_test else "success") for each in nodes]
    record_marks(con, ended, mark_nodes(con, nodes, DAY, views))


def find_kept(
    con: duckdb.DuckDBPyConnection,
    *nodes: Rendered,
    variables: Variables = DAY,
    views: tuple[Rendered, ...] = (),
) -> list[Rendered]:
    return find_standing(con, nodes, mark_nodes(con, nodes, variables, views))


def test_nodes_with_unchanged_inputs_are_kept(con: duckdb.DuckDBPyConnection) -> None:
    assert find_kept(con, *ALL) == [*ALL]
    assert find_kept(con, HIGH, TEST) == [HIGH, TEST]
    assert find_kept(con, *ALL, variables={**DAY, "since": "2024-12-31"}) == [*ALL]


def test_nodes_with_changed_inputs_are_built_again(con: duckdb.DuckDBPyConnection) -> None:
    assert find_kept(con, *ALL, variables={**DAY, "as_of": "2025-01-02"}) == [LOW, VIEW]
    assert find_kept(con, *ALL, variables={**DAY, "another": "word"}) == []
    other = replace(VIEW, origin="edited")
    assert find_kept(con, LOW, other, HIGH, TEST) == [LOW]
    con.execute("insert into bronze.loaded values (1)")
    assert find_kept(con, *ALL) == []


@pytest.mark.parametrize(
    "what", ["create or replace table s.low (x int)", "comment on table s.low is 'continued'"]
)
def test_a_table_that_was_replaced_or_continued_is_built_again(
    con: duckdb.DuckDBPyConnection, what: str
) -> None:
    con.execute(what)
    assert find_kept(con, *ALL) == [VIEW, HIGH, TEST], "what is made of it comes to the same"
    assert find_kept(con, HIGH, TEST, views=(VIEW,)) == []
    assert find_kept(con, VIEW) == [], "what it reads is not built, and nobody knows what that is"
    build(con, VIEW)
    assert find_kept(con, *ALL) == [HIGH, TEST]
    build(con, HIGH)
    assert find_kept(con, HIGH) == []


@pytest.mark.parametrize("status", ["warn", "fail"])
def test_a_test_that_did_not_pass_has_never_passed(
    con: duckdb.DuckDBPyConnection, status: str
) -> None:
    record_marks(con, [(TEST, status)], mark_nodes(con, ALL, DAY))
    assert find_kept(con, *ALL) == [LOW, VIEW, HIGH]
    build(con, TEST)
    assert find_kept(con, *ALL) == [*ALL]


def test_an_unselected_view_passes_on_changes_of_its_inputs(con: duckdb.DuckDBPyConnection) -> None:
    assert find_kept(con, HIGH, TEST, views=(VIEW,)) == [HIGH, TEST]
    con.execute("insert into bronze.loaded values (1)")
    build(con, LOW)
    assert find_kept(con, HIGH, views=(VIEW,)) == []
    build(con, HIGH, views=(VIEW,))
    assert find_kept(con, *ALL) == [LOW], "it may have been made of a view that was edited since"
    edited = replace(VIEW, origin="edited")
    assert find_kept(con, HIGH, views=(edited,)) == []
