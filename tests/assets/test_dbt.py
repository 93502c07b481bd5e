"""What a build reports of each table (rows, columns and their sources), and what it deletes."""

from pathlib import Path

import dagster as dg
import duckdb
import pytest

from c360_dagster.assets import dbt
from c360_dagster.assets.dbt_results import drop_removed_tests
from c360_dagster.dbt_runner.dbt_project import read_stamp
from c360_dagster.dbt_runner.lineage_cache import LineageCache
from c360_dagster.definitions import build_definitions
from c360_dagster.loading.schema import create_bronze
from c360_dagster.settings import read_settings
from landing_contract import read_contract

SELECTED = [["silver", "state_codes"], ["silver", "calling_codes"], ["silver", "stg_file_days"],
            ["silver", "int_data_clock"], ["silver", "stg_customers"],
            ["silver", "stg_support_tickets"], ["silver", "stg_customer_support"]]  # fmt: skip


Metadata = dict[str, dict[str, dg.MetadataValue]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home: Path = tmp_path_factory.mktemp("home")
    settings = read_settings({"C360_HOME": str(home)})
    with duckdb.connect(str(settings.warehouse)) as con:
        create_bronze(con, read_contract().values())
        con.execute(
            "insert into bronze.customers (customer_id, _file, _row, _loaded_at) "
            "values ('c1', 'customers.csv', 1, '2026-01-02')"
        )
        con.execute(
            "insert into bronze.support_tickets "
            "(ticket_id, created_date, satisfaction_score, _file, _row, _loaded_at) "
            "select 'k' || n, '2026-01-01', n, 'support_tickets.csv', n, '2026-01-02' "
            "from unnest([4, 5, 6, 10]) as scores(n)"
        )
    return home


@pytest.fixture(scope="module")
def run(home: Path) -> dg.ExecuteInProcessResult:
    with pytest.MonkeyPatch.context() as busy:
        busy.setattr(dbt, "digest_project", lambda: "edited while it is built")
        return _build(home)


def _build(home: Path) -> dg.ExecuteInProcessResult:
    definitions = build_definitions(read_settings({"C360_HOME": str(home)}))
    return dg.materialize(
        [each for each in definitions.assets or [] if isinstance(each, dg.AssetsDefinition)],
        resources=definitions.resources,
        selection=[dg.AssetKey(path) for path in SELECTED],
    )


@pytest.fixture(scope="module")
def metadata(run: dg.ExecuteInProcessResult) -> Metadata:
    return {
        event.asset_key.to_user_string(): dict(event.materialization.metadata)
        for event in run.get_asset_materialization_events()
        if event.asset_key
    }


def test_every_table_that_was_built_says_its_columns(
    metadata: Metadata,
) -> None:
    assert set(metadata) == {"/".join(path) for path in SELECTED}
    schema = metadata["silver/stg_customers"]["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    told = {column.name: column for column in schema.columns}
    assert told["registered_at"].type == "timestamp"
    assert told["registered_at"].description == "When the customer registered."
    assert "pii" in told["email"].tags
    assert "pii" not in told["state"].tags
    view = metadata["silver/int_data_clock"]["dagster/column_schema"].value
    assert isinstance(view, dg.TableSchema)
    assert [column.type for column in view.columns] == ["date"]


@pytest.mark.usefixtures("run")
def test_a_query_that_was_never_traced_holds_up_what_is_made_of_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An example is a new as-of day: all other queries are known, so their results come at once."""
    knows = LineageCache.knows
    clock = "model.c360.int_data_clock"
    monkeypatch.setattr(
        LineageCache,
        "knows",
        lambda self, result: result.unique_id != clock and knows(self, result),
    )
    assert _build(home).success


@pytest.mark.usefixtures("run")
def test_a_build_is_of_the_project_that_was_parsed(home: Path) -> None:
    """Otherwise the next build would continue it, and an edit would reach only changed rows."""
    with duckdb.connect(str(home / "warehouse.duckdb")) as con:
        built = con.execute("select project from changes.build").fetchall()
    assert built == [(read_stamp(),)]


def test_tables_report_their_row_counts(metadata: Metadata) -> None:
    assert metadata["silver/stg_customers"]["dagster/row_count"].value == 1


def test_models_say_where_their_columns_come_from(
    metadata: Metadata,
) -> None:
    lineage = metadata["silver/stg_customers"]["dagster/column_lineage"].value
    assert isinstance(lineage, dg.TableColumnLineage)
    source = dg.TableColumnDep(asset_key=dg.AssetKey(["bronze", "customers"]), column_name="email")
    assert lineage.deps_by_column["email"] == [source]
    assert "dagster/column_lineage" not in metadata["silver/state_codes"]


def test_a_check_says_what_it_found(run: dg.ExecuteInProcessResult) -> None:
    checks = {check.check_name: check for check in run.get_asset_check_evaluations()}
    scale = checks["satisfaction_is_on_the_scale"]
    assert not scale.passed
    assert scale.severity == dg.AssetCheckSeverity.WARN
    assert scale.description == (
        "source_system crm, satisfaction_score 6, tickets 1; "
        "source_system crm, satisfaction_score 10, tickets 1"
    )
    look = scale.metadata["look_at"].value
    assert look == "select * from test_failures.satisfaction_is_on_the_scale"


def test_rows_of_a_test_that_the_project_no_longer_has_go() -> None:
    manifest = {"nodes": {"t": {"resource_type": "test", "alias": "kept", "schema": "failures"}}}
    with duckdb.connect() as con:
        con.execute("create schema failures; create schema gold")
        for name in ("failures.kept", "failures.removed", "gold.removed"):
            con.execute(f"create table {name} as select 1 as found")
        drop_removed_tests(con, manifest)
        query = "select schema_name, table_name from duckdb_tables() order by all"
        assert con.execute(query).fetchall() == [("failures", "kept"), ("gold", "removed")]
