"""Which handmade nodes are sent again, and in which order; test_rendered.py tests dbt's own."""

import threading
from collections.abc import Iterator, Mapping

import duckdb
import pytest

from c360_dagster.dbt_runner.rendered import Rendered, Variables
from c360_dagster.dbt_runner.sending import Outcome, find_leading, send

NOTHING, WARNS, FAILS = "0, false, false", "2, true, false", "2, true, true"
FAILS_WITHOUT_WARNING = "2, false, true"
"""The test fails at a bound at which it does not warn: `error_if` and `warn_if` are separate."""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def rendered(unique_id: str, after: str, severity: str, statements: tuple[str, ...]) -> Rendered:
    return Rendered(
        unique_id=unique_id,
        name=unique_id,
        selector=unique_id,
        schema="made",
        relation=f"made.{unique_id.partition('.')[2]}",
        severity=severity,
        warn_if="!= 0",
        after=tuple(after.split()),
        reads=(),
        variables=(),
        origin="",
        statements=statements,
    )


def model(name: str, after: str = "", *statements: str) -> Rendered:
    statements = statements or (f"create table made.{name} as select 1 as x",)
    return rendered(f"model.{name}", after, "error", statements)


def check(name: str, after: str, found: str, severity: str = "error", *keeping: str) -> Rendered:
    return rendered(f"test.{name}", after, severity, (f"select {found}", *keeping))


def sent(
    con: duckdb.DuckDBPyConnection,
    *nodes: Rendered,
    kept: Mapping[str, Outcome] | None = None,
    variables: Variables | None = None,
) -> dict[str, Outcome]:
    sending = send(con, nodes, kept or {}, variables or {})
    return {node.unique_id: ended for node, ended, _ in sending}


@pytest.mark.parametrize(
    ("found", "severity", "ended"),
    [
        (NOTHING, "error", ["model.a", "model.b", "test.t"]),
        (FAILS, "error", ["model.a"]),
        (WARNS, "error", ["model.a"]),
        (FAILS_WITHOUT_WARNING, "error", ["model.a"]),
        (FAILS, "warn", ["model.a", "model.b"]),
    ],
)
def test_a_failing_test_holds_back_later_nodes_unless_it_only_warns(
    con: duckdb.DuckDBPyConnection, found: str, severity: str, ended: list[str]
) -> None:
    """The test looks at `a`. `b` is made of `a`, so it must wait although it reads no test."""
    nodes = (model("b", "model.a"), check("t", "model.a", found, severity), model("a"))
    assert sorted(sent(con, *nodes)) == ended


def test_nodes_not_started_when_the_run_is_stopped_never_start(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a million customers a node takes minutes, and whoever cancels should not wait for it."""
    begun: list[str] = []
    may_end = threading.Event()

    def make(_con: object, node: Rendered, _values: object) -> tuple[Outcome, float]:
        begun.append(node.unique_id)
        if len(begun) > 1:
            may_end.wait(30)
        return Outcome("success", "OK"), 0.0

    monkeypatch.setattr("c360_dagster.dbt_runner.sending._send_timed", make)
    sending = send(con, [model(name) for name in "abcdefgh"], {}, {})
    next(sending)
    ending = threading.Timer(0.2, may_end.set)
    ending.start()
    sending.close()
    ending.join()
    assert len(begun) <= 3


def test_a_test_of_two_models_holds_back_their_common_descendants(
    con: duckdb.DuckDBPyConnection,
) -> None:
    nodes = (
        *(model("a"), model("b"), model("of_a", "model.a"), model("of_b", "model.b")),
        model("of_both", "model.of_a model.of_b"),
        check("t", "model.a model.b", FAILS),
    )
    assert sorted(sent(con, *nodes)) == ["model.a", "model.b", "model.of_a", "model.of_b"]


def test_a_slow_node_holds_back_only_its_descendants(con: duckdb.DuckDBPyConnection) -> None:
    others_are_made = threading.Event()

    def wait() -> bool:
        return others_are_made.wait(timeout=10)

    con.create_function("wait", wait, [], "BOOLEAN", side_effects=True)
    slow = model("slow", "", "create table made.slow as select wait() as was_in_time")
    ended = []
    for node, *_ in send(con, (slow, model("a"), model("b", "model.a")), {}, {}):
        ended.append(node.name)
        if len(ended) == 2:
            others_are_made.set()
    assert ended == ["model.a", "model.b", "model.slow"]
    assert con.execute("from made.slow").fetchall() == [(True,)]


def test_a_test_of_another_branch_holds_nothing_back(con: duckdb.DuckDBPyConnection) -> None:
    nodes = (
        *(model("a"), model("b", "model.a"), model("c")),
        *(check("of_c", "model.c", FAILS), check("of_nothing", "", FAILS)),
    )
    assert sorted(sent(con, *nodes)) == ["model.a", "model.b", "model.c"]


def test_a_failing_node_leaves_nothing_and_later_nodes_do_not_start(
    con: duckdb.DuckDBPyConnection,
) -> None:
    half = model("half", "", "begin", "create table made.half (x int)", "select no", "commit")
    unknown = rendered("model.unknown", "", "error", ())
    assert sent(con, half, model("after", "model.half"), unknown) == {}
    assert con.execute("select table_name from duckdb_tables()").fetchall() == []
    assert sent(con, model("beside")) == {"model.beside": Outcome("success", "OK")}


def test_rows_that_warn_are_kept_until_there_are_none(con: duckdb.DuckDBPyConnection) -> None:
    keep = "create or replace table made.t as select 1 as x from range(2)"
    assert sent(con, check("t", "", WARNS, "warn", keep)) == {
        "test.t": Outcome("warn", "Got 2 results, configured to warn if != 0", 2)
    }
    assert con.execute("from made.t").fetchall() == [(1,), (1,)]
    for found in (FAILS, FAILS_WITHOUT_WARNING, WARNS):
        ended = sent(con, check("t", "", found, "error", keep))
        assert ended == {}, "it warned before, and now it may fail"
    one = check("t", "", "1, true, false", "warn", keep)
    assert sent(con, one)["test.t"].message.startswith("Got 1 result, ")
    assert sent(con, check("t", "", NOTHING, "warn", keep)) == {
        "test.t": Outcome("pass", "PASS", 0)
    }
    assert con.execute("select table_name from duckdb_tables()").fetchall() == []


@pytest.mark.parametrize(
    ("found", "severity"), [("2, false, true", "warn"), ("2, false, false", "error")]
)
def test_rows_within_a_tests_bounds_are_kept_and_it_passes(
    con: duckdb.DuckDBPyConnection, found: str, severity: str
) -> None:
    """The result is the same as dbt's: with `severity: warn`, only `warn_if` counts."""
    keep = "create or replace table made.t as select 1 as x from range(2)"
    assert sent(con, check("t", "", found, severity)) == {}, "how to keep them only dbt knows"
    assert sent(con, check("t", "", found, severity, keep)) == {
        "test.t": Outcome("pass", "PASS", 0)
    }
    assert con.execute("from made.t").fetchall() == [(1,), (1,)]


def test_kept_nodes_are_reported_but_not_sent_and_variables_are_filled_in(
    con: duckdb.DuckDBPyConnection,
) -> None:
    stands = {"model.a": Outcome("success", "It stands.")}
    day = model("day", "model.a", "create table made.day as select {{as_of}} as day")
    ended = sent(con, model("a"), day, kept=stands, variables={"as_of": "it's 2025"})
    assert ended["model.a"].message == "It stands."
    assert con.execute("from made.day").fetchall() == [("it's 2025",)]
    assert con.execute("select table_name from duckdb_tables()").fetchall() == [("day",)]


def test_leading_nodes_without_statements_are_built_by_dbt() -> None:
    known, unknown = model("b", "model.a"), rendered("model.a", "", "error", ())
    behind = rendered("model.c", "model.b", "error", ())
    assert find_leading([known, unknown], []) == [unknown]
    assert find_leading([known, unknown, behind], []) == []
    assert find_leading([known, unknown, behind], ["model.a", "model.b"]) == [behind]
    assert find_leading([known], []) == []
