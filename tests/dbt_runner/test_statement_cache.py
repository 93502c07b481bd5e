"""What is kept of dbt's statements, and when dbt is asked again, on a handmade project."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from c360_dagster.dbt_runner.build import STANDS, _Build
from c360_dagster.dbt_runner.invocation import Dbt, NodeResult
from c360_dagster.dbt_runner.rendered import FILES, Rendered, StatementCache, Variables

Node = dict[str, Any]
MACROS = {
    "macro.ours.day": "{{ day_of() }}",
    "macro.ours.day_of": "{{ var('as_of') }}",
    "macro.dbt.run_query": '{% call statement("run_query_statement", fetch_result=true) %}',
    "macro.ours.month": "{{ adapter.dispatch('month')() }} {{ adapter.quote('group') }}",
}
CALLS = {"macro.ours.day": ["macro.ours.day_of"]}


def node(unique_id: str, code: str = "", after: str = "", macros: str = "", **more: Any) -> Node:  # noqa: ANN401
    kind, _, name = unique_id.split(".")
    return {
        "unique_id": unique_id,
        "resource_type": kind,
        "name": name,
        "alias": name,
        "fqn": ["ours", "folder", name],
        "schema": "gold",
        "relation_name": f"gold.{name}",
        "raw_code": code,
        "columns": {"n": {"data_type": "int", "description": ""}},
        "config": {"materialized": "table"},
        "depends_on": {"nodes": after.split(), "macros": macros.split()},
        **more,
    }


def make_cache(
    folder: Path,
    *nodes: Node,
    foundation: str = "",
    database: str = "warehouse",
    **given: str | None,
) -> StatementCache:
    macros = {
        name: {"macro_sql": sql, "depends_on": {"macros": CALLS.get(name, [])}}
        for name, sql in MACROS.items()
    }
    manifest = {
        "nodes": {each["unique_id"]: each for each in nodes},
        "macros": macros,
        "sources": {"source.ours.bronze.loaded": {"schema": "bronze", "name": "loaded"}},
    }
    return StatementCache(manifest, folder, foundation=foundation, database=database, given=given)


def keep(cache: StatementCache, unique_id: str, *statements: str) -> Rendered:
    """Keeps these statements as a build by dbt would, and checks that they are found again."""
    told = cache.describe(unique_id, statements, "select 1")
    assert told
    assert told.sql == "select 1"
    cache.put(told)
    (found,) = [each for each in cache.choose([]) if each.unique_id == unique_id]
    assert found == told or not told.statements
    return found


ASKING = [
    ("{{ var('as_of') }}", ""),
    ('{{ var("as_of") }}', ""),
    ("{{ var('as_of', none) }}", ""),
    ('{{ var( "as_of" ) }}', ""),
    ("{{ day() }}", "macro.ours.day"),
]


@pytest.mark.parametrize(("code", "macros"), ASKING)
def test_the_day_is_filled_in_wherever_a_query_asks_for_it(
    tmp_path: Path, code: str, macros: str
) -> None:
    asking, other = node("model.ours.a", code, macros=macros), node("model.ours.b", "var('asof')")
    cache = make_cache(tmp_path, asking, other, as_of="2025-01-01", run_id="2025-01-01")
    sent = "create table a as select '2025-01-01'"
    assert keep(cache, "model.ours.a", sent).statements == ("create table a as select {{as_of}}",)
    assert keep(cache, "model.ours.b", sent).statements == (sent,)
    on_other_day = make_cache(tmp_path, asking, other, as_of="2025-01-02", run_id="two")
    assert [bool(each.statements) for each in on_other_day.choose([])] == [True, True]
    without = make_cache(tmp_path, asking, other, as_of=None, run_id="two")
    assert [bool(each.statements) for each in without.choose([])] == [False, True]


def test_an_incremental_model_asks_for_the_start_of_the_changes(tmp_path: Path) -> None:
    continued = node("model.ours.a", config={"materialized": "incremental"})
    found = make_cache(tmp_path, continued, node("model.ours.b")).choose([])
    assert [each.variables for each in found] == [("since",), ()]


@pytest.mark.parametrize(
    ("code", "macros"),
    [
        ("{% if execute %}{% set names = run_query('select distinct name from t') %}", ""),
        ("{{ ask() }}", "macro.dbt.run_query"),
        ("{% call statement('names') %}", ""),
        ("{{ adapter.get_columns_in_relation(ref('t')) }}", ""),
    ],
)
def test_nodes_that_query_the_database_while_rendered_are_not_kept(
    tmp_path: Path, code: str, macros: str
) -> None:
    """An example is one column for each name in a table: dbt has to look each time."""
    cache = make_cache(tmp_path, node("model.ours.a", code, macros=macros))
    assert keep(cache, "model.ours.a", "create table a as select 1").statements == ()


@pytest.mark.parametrize(
    ("code", "is_outside"),
    [
        ("select * from read_csv('/data/budget.csv')", True),
        ("select * from READ_PARQUET ('/data/*.parquet')", True),
        ("from '/data/budget.csv'", True),
        ("select * from a join '/data/budget.csv' using (n)", True),
        ("select * from sqlite_scan('till.db', 'sales')", True),
        ("select unread_mails(n), 'from ' || name from {{ ref('a') }}", False),
    ],
)
def test_a_model_that_reads_files_itself_has_unknown_inputs(
    tmp_path: Path, code: str, *, is_outside: bool
) -> None:
    (found,) = make_cache(tmp_path, node("model.ours.m", code)).choose([])
    assert (found.reads == (FILES,)) is is_outside


def test_statements_without_effect_are_left_out(tmp_path: Path) -> None:
    model = node("model.ours.a", macros="macro.ours.month")
    test = node("test.ours.t", after="model.ours.a")
    cache = make_cache(tmp_path, model, test)
    make, insert = (
        "/* dbt */\n  CREATE table a (n int)",
        "/* dbt */ insert into a (/* x */ select 1)",
    )
    sent = ["/* dbt */ select * from (x) limit 0", "describe a", "Drop view a", make, insert]
    assert keep(cache, "model.ours.a", *sent).statements == (make, insert)
    counting, put = "/* dbt */ select 1 as should_error from (x)", "/* dbt */ create table t as x"
    sent = ["select table_name", put, counting, "select name", put, "drop table t"]
    assert keep(cache, "test.ours.t", *sent).statements == (counting, put)
    assert cache.describe("model.ours.unknown", [], "") is None


def test_a_large_seed_is_identified_by_its_content(tmp_path: Path) -> None:
    """For seeds of more than a megabyte, dbt's checksum holds only the path."""
    (tmp_path / "codes.csv").write_text("code\n1\n")
    config = {"column_types": {"code": "string"}}
    seed = node("seed.ours.codes", root_path=str(tmp_path), original_file_path="codes.csv",
                checksum={"name": "path", "checksum": "codes.csv"}, config=config)  # fmt: skip
    cache = make_cache(tmp_path / "kept", seed)
    kept = keep(cache, "seed.ours.codes", "insert into codes values (1)")
    (put,) = kept.statements
    assert f"read_csv('{tmp_path}/codes.csv', header = true, types = {{'code': 'varchar'}}" in put
    (tmp_path / "codes.csv").write_text("code\n2\n")
    assert [each.origin == kept.origin for each in cache.choose([])] == [False]


@pytest.mark.parametrize(
    ("others", "is_other"),
    [
        ({"raw_code": "select 2"}, True),
        ({"config": {"materialized": "view"}}, True),
        ({"columns": {"n": {"data_type": "text", "description": ""}}}, True),
        ({"columns": {"n": {"data_type": "int", "description": "Words."}}}, False),
        ({"description": "Words.", "doc_blocks": ["words"]}, False),
        ({"build_path": "x", "compiled_path": "x", "created_at": 1.5, "patch_path": "x"}, False),
        ({"original_file_path": "x", "root_path": "x"}, False),
    ],
)
def test_a_node_is_identified_by_everything_but_descriptions_and_paths(
    tmp_path: Path, others: Node, *, is_other: bool
) -> None:
    keep(make_cache(tmp_path, node("model.ours.a")), "model.ours.a", "create table a as select 1")
    (found,) = make_cache(tmp_path, node("model.ours.a") | others).choose([])
    assert (found.statements == ()) is is_other


def test_statements_kept_for_another_foundation_or_database_are_not_found(tmp_path: Path) -> None:
    """Statements depend on more than the node: for example, they contain the warehouse's name."""
    model = node("model.ours.a")
    kept = keep(make_cache(tmp_path, model), "model.ours.a", "create table a as select 1")
    others: list[dict[str, Any]] = [{"foundation": "other"}, {"database": "other"}, {"other": "x"}]
    for other in others:
        (found,) = make_cache(tmp_path, model, **other).choose([])
        assert found.statements == (), other
    assert make_cache(tmp_path, model, run_id="another").choose([]) == [kept]


@pytest.mark.parametrize("others", [{"schema": "silver"}, {"alias": "b"}])
def test_a_node_is_identified_by_the_names_of_the_tables_it_reads(
    tmp_path: Path, others: Node
) -> None:
    """A model that moves from silver to gold leaves its old table, which would be read silently."""
    table = node("model.ours.a")
    reading = [
        node("model.ours.m", after="model.ours.a"),
        node("test.ours.t", after="model.ours.a"),
    ]
    keep(make_cache(tmp_path, table, *reading), "model.ours.m", "create table m as from gold.a")
    keep(
        make_cache(tmp_path, table, *reading), "test.ours.t", "select 1 as should_error from gold.a"
    )
    moved = make_cache(tmp_path, table | others, *reading).choose([])
    assert [each.statements for each in moved] == [(), (), ()]


def test_an_ephemeral_model_is_a_part_of_what_reads_it(tmp_path: Path) -> None:
    """Its query is written into theirs, and it has no table of its own."""
    ephemeral = {"materialized": "ephemeral"}
    inner = node(
        "model.ours.inner",
        "{{ day() }}",
        after="model.ours.view",
        macros="macro.ours.day",
        config=ephemeral,
    )
    others = (
        node("model.ours.view", after="model.ours.a", config={"materialized": "view"}),
        node("model.ours.a"),
        node("model.ours.b", after="model.ours.a model.ours.outer"),
        node("model.ours.outer", after="model.ours.inner", config=ephemeral),
    )
    cache = make_cache(tmp_path, inner, *others)
    kept = keep(cache, "model.ours.b", "create table b as select 1")
    assert (kept.reads, kept.variables) == (("gold.a", "gold.view"), ("as_of",))
    for chosen in (cache.choose([]), cache.choose(["+b"])):
        assert [each.name for each in chosen] == ["gold.view", "gold.a", "gold.b"]
    assert [each.name for each in cache.find_views([kept])] == ["gold.view"]
    edited = make_cache(tmp_path, inner | {"raw_code": "{{ day() }} + 1"}, *others)
    (found,) = edited.choose(["b"])
    assert found.statements == ()


def test_the_selection_equals_that_of_dbt(tmp_path: Path) -> None:
    cache = make_cache(
        tmp_path,
        node("seed.ours.s", root_path=__file__, original_file_path="", alias="seeded", config={}),
        node("model.ours.a", after="source.ours.bronze.loaded seed.ours.s"),
        node("model.ours.b", after="model.ours.a"),
        node("test.ours.t", after="model.ours.b"),
        node("operation.ours.o"),
    )

    def choose(*select: str) -> set[str]:
        return {each.unique_id.split(".")[2] for each in cache.choose(select)}

    assert choose() == {"s", "a", "b", "t"}
    assert choose("b", "ours.folder.a") == {"a", "b"}
    assert choose("+b") == {"s", "a", "b"}
    assert choose("b", "tag:x") == choose("o") == set()
    (a,) = cache.choose(["a"])
    assert a.reads == ("bronze.loaded", "gold.seeded")


def test_views_are_found_between_selected_nodes_and_tables(tmp_path: Path) -> None:
    view = {"materialized": "view"}
    cache = make_cache(
        tmp_path,
        node("model.ours.under", config=view),
        node("model.ours.stands", after="model.ours.under"),
        node("model.ours.low", after="source.ours.bronze.loaded model.ours.stands", config=view),
        node("model.ours.high", after="model.ours.low", config=view),
        node("model.ours.a", after="model.ours.high model.ours.stands"),
        node("model.ours.aside", after="model.ours.a", config=view),
    )
    found = cache.find_views(cache.choose(["a"]))
    assert sorted(each.name for each in found) == ["gold.high", "gold.low"]
    assert cache.find_views(cache.choose([])) == []


@dataclass(frozen=True)
class FakeDbt(Dbt):
    """A stand-in for dbt that makes a table of one number and tests that it is not negative."""

    number: int

    def build(self, select: Sequence[str], variables: Variables) -> Iterator[NodeResult]:  # noqa: ARG002
        put = f"create or replace table gold.a as select {self.number} as n"
        find = "select count(*), false, count(*) > 0 as should_error from gold.a where n < 0"
        with duckdb.connect(self.warehouse) as con:
            if "ours.folder.a" in select:
                con.execute(f"create schema if not exists gold; {put}")
                yield NodeResult("model.ours.a", "success", "OK", 0.1, None, statements=(put,))
            if "ours.folder.t" in select:
                ((failures, _, is_failed),) = con.execute(find).fetchall()
                status = "fail" if is_failed else "pass"
                yield NodeResult("test.ours.t", status, "", 0.1, failures, statements=(find,))


def test_a_failed_test_runs_again_even_if_its_inputs_are_as_when_it_passed(tmp_path: Path) -> None:
    """After an edit that was undone, the rows that failed would otherwise be shown for ever."""

    def build(number: int) -> NodeResult:
        model, test = node("model.ours.a", f"{number}"), node("test.ours.t", after="model.ours.a")
        cache = make_cache(tmp_path / "kept", model, test)
        dbt = FakeDbt(str(tmp_path / "warehouse.duckdb"), "inprocess", tmp_path, number)
        results = _Build(dbt, cache, cache.choose([]), {}, lambda: None).run([], anew=False)
        return {each.unique_id: each for each in results}["test.ours.t"]

    assert [build(number).status for number in (1, -1)] == ["pass", "fail"]
    assert build(1).message != STANDS
    assert build(1).message == STANDS
