"""What dbt has rendered once is sent without dbt; in doubt, dbt is asked."""

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.cli.main import dbtRunner

from c360_dagster.building.computed import create_computed
from c360_dagster.dbt_runner.build import STANDS, DbtBuilder
from c360_dagster.dbt_runner.invocation import NodeResult
from c360_dagster.dbt_runner.rendered import Variables
from c360_dagster.loading.schema import create_bronze
from c360_dagster.resources.warehouse import Warehouse
from landing_contract import read_contract
from tests.pipeline_runs import forget_rendered

PATIENCE_SECONDS = 30
LAST = "select 1 from duckdb_tables() where schema_name = 'gold' and table_name = 'dim_products'"
SELECT = ["+dim_products", "+order_statuses_are_mapped", "order_status"]


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The arguments of each build that dbt was started for during the test."""
    invoke, seen = dbtRunner.invoke, []

    def watch(self: dbtRunner, arguments: list[str]) -> Any:  # noqa: ANN401
        if "build" in arguments:
            seen.append(arguments)
        return invoke(self, arguments)

    monkeypatch.setattr(dbtRunner, "invoke", watch)
    return seen


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    _land(path)
    return path


@pytest.fixture
def other(tmp_path: Path, warehouse: Path) -> Path:
    """Another warehouse with the same landed rows, in which nothing has been built."""
    path = tmp_path / "other" / warehouse.name
    path.parent.mkdir()
    _land(path)
    return path


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt renders for the nodes that most of these tests build; it is made only once."""
    folder = tmp_path_factory.mktemp("rendered")
    with pytest.MonkeyPatch.context() as patch:
        shelf = forget_rendered(folder, patch)
        _land(folder / "warehouse.duckdb")
        _build(folder / "warehouse.duckdb")
    return shelf


@pytest.fixture(autouse=True)
def shelf(rendered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return shutil.copytree(rendered, forget_rendered(tmp_path, monkeypatch))


@pytest.fixture
def nothing_known(shelf: Path) -> None:
    shutil.rmtree(shelf)


def _land(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        create_bronze(con, read_contract().values())
        create_computed(con)
        con.execute(
            "insert into bronze.products (product_id, price, _file, _row) values "
            "('P1', 5, 'products/products.csv', 1), ('P2', 7.5, 'products/products.csv', 2)"
        )


def _build(
    path: Path,
    *,
    day: str = "2025-03-01",
    run: str = "one",
    select: Sequence[str] = SELECT,
    since: str | None = None,
) -> dict[str, NodeResult]:
    variables = {"since": since, "as_of": day, "run_id": run}
    return {result.unique_id: result for result in _begin(path, select, variables)}


def _begin(
    path: Path, select: Sequence[str] = SELECT, variables: Variables | None = None
) -> Iterator[NodeResult]:
    given = {"since": None, "published_at": "2025-03-02 06:00:00", **(variables or {})}
    builder = DbtBuilder(warehouse=str(path))
    return builder.build(select=select, variables=given, scratch=path.parent / "scratch")


def _ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path)) as con:
        return con.execute(query).fetchall()


def _read_all(path: Path) -> dict[str, Any]:
    """Returns for every table and view its columns, with types and constraints, and its rows."""
    found = {}
    with duckdb.connect(str(path)) as con:
        for schema, name in con.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema <> 'bronze'"
        ).fetchall():
            columns = con.execute(
                "select column_name, data_type, is_nullable from duckdb_columns() "
                "where schema_name = ? and table_name = ? order by column_index",
                [schema, name],
            ).fetchall()
            rows = con.execute(f"from {schema}.{name} order by all").fetchall()
            found[f"{schema}.{name}"] = columns, rows
    return found


@pytest.mark.usefixtures("nothing_known")
def test_a_fresh_warehouse_is_built_without_dbt_as_dbt_builds_it(
    warehouse: Path, other: Path, starts: list[Any]
) -> None:
    first = _build(warehouse)
    assert len(starts) == 1
    second = _build(other)
    assert len(starts) == 1
    assert len(_read_all(other)) > 5
    assert _read_all(other) == _read_all(warehouse)
    assert {key: each.status for key, each in second.items()} == {
        key: each.status for key, each in first.items() if each.status != "no-op"
    }
    assert second["model.c360.dim_products"].sql == first["model.c360.dim_products"].sql


def test_a_connection_that_spilled_leaves_the_warehouse_usable(warehouse: Path) -> None:
    """Large builds spill to disk; DuckDB then refuses to set the folder for spilling again."""
    scratch = warehouse.parent / "scratch"
    connected = Warehouse(path=str(warehouse), scratch=str(scratch))
    with connected.connect() as con:
        con.execute("set memory_limit = '30MB'")
        con.execute(
            "create temporary table t as select hash(range) as n from range(4000000) order by n"
        )
        assert [*scratch.rglob("*.tmp")], "it spilled"
        assert not any(result.is_bad for result in _build(warehouse).values())
        with connected.connect() as again:
            assert again.execute("select count(*) from silver.stg_products").fetchall() == [(2,)]


def test_nodes_are_sent_while_earlier_results_are_consumed(warehouse: Path, other: Path) -> None:
    built = _build(warehouse)
    results = _begin(other, variables={"as_of": "2025-03-01", "run_id": "one"})
    first = next(results)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (built_now := _ask(other, LAST)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert built_now, "only the first result has been asked for"
    assert {first.unique_id, *(each.unique_id for each in results)} <= built.keys()


def test_each_build_uses_its_own_day_and_run(warehouse: Path, starts: list[Any]) -> None:
    _build(warehouse, select=["+publication"])
    _build(warehouse, select=["+publication"], day="2025-04-01", run="it's two")
    assert len(starts) == 1
    found = _ask(warehouse, "select as_of_date::text, run_id from gold.publication")
    assert found == [("2025-04-01", "it's two")]


def test_failing_rows_are_first_found_by_dbt_and_then_without_it(
    warehouse: Path, starts: list[Any]
) -> None:
    test = "test.c360.order_statuses_are_mapped"
    kept = "select * from test_failures.order_statuses_are_mapped"
    assert _build(warehouse)[test].status == "pass"
    with duckdb.connect(str(warehouse)) as con:
        con.execute(
            "insert into bronze.transactions (transaction_id, status, _file, _row) values "
            "('T1', 'lost at sea', 'sales/transactions.csv', 1)"
        )
    told = _build(warehouse)[test]
    assert (told.status, told.failures, len(starts)) == ("warn", 1, 1)
    assert len(_ask(warehouse, kept)) == 1
    again = _build(warehouse)[test]
    assert (again.status, again.failures, again.message) == ("warn", 1, told.message)
    assert len(starts) == 1
    with duckdb.connect(str(warehouse)) as con:
        con.execute("delete from bronze.transactions")
    assert _build(warehouse)[test].status == "pass"
    with pytest.raises(duckdb.CatalogException):
        _ask(warehouse, kept)


def test_an_error_is_reported_by_dbt_and_stops_later_nodes(
    warehouse: Path, starts: list[Any]
) -> None:
    _build(warehouse)
    with duckdb.connect(str(warehouse)) as con:
        con.execute("alter table bronze.products rename column price to price_then")
    results = _build(warehouse)
    assert len(starts) == 1
    (failed,) = [result for result in results.values() if result.is_bad]
    assert 'does not have a column named "price"' in failed.message
    assert results["model.c360.dim_products"].status == "skipped"
    with duckdb.connect(str(warehouse)) as con:
        con.execute("alter table bronze.products rename column price_then to price")
    assert not any(result.is_bad for result in _build(warehouse).values())
    assert len(starts) == 1, "what was known before is known still"


def test_changed_macros_or_a_broken_file_make_dbt_render_again(
    warehouse: Path, starts: list[Any], shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _build(warehouse)
    assert not starts
    monkeypatch.setattr(f"{DbtBuilder.__module__}.digest_foundation", lambda _: "other macros")
    _build(warehouse)
    assert len(starts) == 1
    for file in shelf.iterdir():
        file.write_text("[{")
    assert not any(result.is_bad for result in _build(warehouse, day="2025-04-01").values())
    assert len(starts) == 2, "a spoilt file is no file"


def test_nodes_with_unchanged_inputs_are_kept(warehouse: Path, starts: list[Any]) -> None:
    first = _build(warehouse)
    second = _build(warehouse)
    assert {key: each.status for key, each in second.items()} == {
        key: each.status for key, each in first.items() if each.status != "no-op"
    }
    assert {each.message for each in second.values()} == {STANDS}
    with duckdb.connect(str(warehouse)) as con:
        con.execute(
            "insert into bronze.products (product_id, price, _file, _row) values "
            "('P3', 9, 'products/products.csv', 3)"
        )
    third = _build(warehouse)
    built = {key.split(".")[2] for key, each in third.items() if each.message != STANDS}
    assert {"stg_products", "dim_products"} <= built
    assert not built & {"stg_transactions", "order_status", "order_statuses_are_mapped"}
    assert _ask(warehouse, "select count(*) from gold.dim_products") == [(3,)]
    assert not starts


def test_statements_of_a_full_build_let_a_continued_one_keep_nodes(
    warehouse: Path, starts: list[Any], shelf: Path
) -> None:
    """A table is continued by other statements than those that build it whole."""
    products = ["+dim_products"]
    _build(warehouse, select=products)
    known = {file.name: file.read_text() for file in shelf.iterdir()}
    again = _build(warehouse, since="2025-03-01", select=products)
    assert {each.message for each in again.values()} == {STANDS}
    with duckdb.connect(str(warehouse)) as con:
        con.execute("drop table silver.stg_products cascade")
    again = _build(warehouse, since="2025-03-01", select=products)
    built = {key for key, each in again.items() if each.message != STANDS}
    assert built == {"model.c360.stg_products"}
    assert len(starts) == 1, "its macros ask for the day of the last build"
    with duckdb.connect(str(warehouse)) as con:
        con.execute(
            "insert into bronze.products (product_id, price, _file, _row) values "
            "('P3', 9, 'products/products.csv', 3)"
        )
    _build(warehouse, since="2025-03-01", select=products)
    assert len(starts) == 2, "dbt is asked as soon as one of the continued does not stand"
    assert {file.name: file.read_text() for file in shelf.iterdir()}.items() >= known.items()


def test_statements_rendered_for_one_selection_serve_another(
    warehouse: Path, other: Path, starts: list[Any]
) -> None:
    _build(warehouse)
    _build(other, select=["c360.order_status", "+int_products", "+int_primary_suppliers"])
    assert not starts
    _build(other, select=["dim_products", "stg_rates"])
    assert not starts
    _build(other, select=["tag:none", "order_status"])
    assert len(starts) == 1, "what is meant by a tag is for dbt to say"


def test_dbt_renders_only_the_nodes_without_statements(
    warehouse: Path, other: Path, starts: list[Any]
) -> None:
    """Only int_data_clock depends on the as-of day, so dbt is asked for that model alone."""
    _build(warehouse)
    results = {each.unique_id: each for each in _begin(other)}
    assert len(starts) == 1
    assert starts[0][-1] == "c360.intermediate.int_data_clock"
    assert {each.status for each in results.values()} == {"success", "pass"}
    assert results.keys() == _build(warehouse).keys()
    assert not results["seed.c360.order_status"].is_connection_closed
    assert results["model.c360.dim_products"].is_connection_closed


def _change_by_hand(warehouse: Path, table: str) -> None:
    """Empties that table and drops `gold.dim_products`, as somebody might do by hand."""
    with duckdb.connect(str(warehouse)) as con:
        con.execute(f"create or replace table {table} as from {table} limit 0")
        con.execute("drop table gold.dim_products")


def test_a_table_that_somebody_replaced_is_built_again(warehouse: Path) -> None:
    _build(warehouse)
    _change_by_hand(warehouse, "silver.order_status")
    results = _build(warehouse)
    built = {key.split(".")[2] for key, each in results.items() if each.message != STANDS}
    assert built == {"order_status", "dim_products"}
    assert _ask(warehouse, "select count(*) > 0 from silver.order_status") == [(True,)]


def test_a_kept_node_is_reported_after_the_nodes_it_reads(
    warehouse: Path, starts: list[Any]
) -> None:
    """Somebody changed tables but not the view between them, as an older version does.

    The view stands, and it still has its turn between the two tables.
    """
    _build(warehouse)
    _change_by_hand(warehouse, "silver.stg_products")
    told = _build(warehouse)
    order = [name.split(".")[2] for name in told]
    assert order.index("stg_products") < order.index("int_products") < order.index("dim_products")
    assert told["model.c360.int_products"].message == STANDS
    assert _ask(warehouse, "select count(*) from gold.dim_products") == [(2,)]
    assert not starts


def test_another_day_rebuilds_a_table_and_anew_rebuilds_everything(warehouse: Path) -> None:
    _build(warehouse)
    other = _build(warehouse, day="2025-03-02")
    assert other["model.c360.dim_products"].message != STANDS
    builder = DbtBuilder(warehouse=str(warehouse))
    variables = {"as_of": "2025-03-02", "run_id": "two", "published_at": "2025-03-02 06:00:00"}
    anew = builder.build(
        select=SELECT, variables=variables, scratch=warehouse.parent / "scratch", anew=True
    )
    assert STANDS not in {result.message for result in anew}
    said = "select comment like 'made of %, by run two' from duckdb_tables() where table_name = {}"
    assert _ask(warehouse, said.format("'dim_products'")) == [(True,)]
    assert {each.message for each in _build(warehouse, day="2025-03-02").values()} == {STANDS}


def test_a_test_that_did_not_pass_runs_again(warehouse: Path) -> None:
    test = "test.c360.order_statuses_are_mapped"
    with duckdb.connect(str(warehouse)) as con:
        con.execute(
            "insert into bronze.transactions (transaction_id, status, _file, _row) values "
            "('T1', 'lost at sea', 'sales/transactions.csv', 1)"
        )
    assert [_build(warehouse)[test].status for _ in range(3)] == ["warn"] * 3
    with duckdb.connect(str(warehouse)) as con:
        con.execute("delete from bronze.transactions")
    assert [_build(warehouse)[test].message for _ in range(2)] == ["PASS", STANDS]
