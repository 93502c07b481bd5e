"""Where columns come from: every column of every model has a source, and it is the right one."""

from typing import Any

import pytest

from c360_dagster.dbt_runner.dbt_project import is_personal
from c360_dagster.dbt_runner.lineage import Column, read_columns
from c360_dagster.dbt_runner.tracing import trace_columns

# columns that are made from no other column, because they hold a constant word
CONSTANT = {
    *((f"int_{name}", "source_system") for name in ("orders", "sessions", "source_ids", "tickets")),
    *(
        (f"int_reconciled_{name}", "check_name")
        for name in ("ledgers", "products", "rounding", "sales")
    ),
    ("int_reconciled_rounding", "largest_difference"),
    ("stg_file_days", "source_table"),
    ("publication", "run_id"),
    ("publication", "published_at"),
    ("int_forecast_plan", "horizon_days"),
}
# columns that are made from personal ones but tell little about anybody
HARMLESS = {
    ("stg_customers", "is_phone_valid"),
    ("stg_customer_master", "is_phone_valid"),
    ("stg_customer_master", "state"),
    ("int_customer_genders", "customer_gender"),
    ("int_customer_genders", "customer_gender_source"),
}

Lineages = dict[str, dict[str, list[Column]]]


@pytest.fixture(scope="module")
def lineages(manifest: dict[str, Any]) -> Lineages:
    columns = read_columns(manifest)
    return {
        node["name"]: trace_columns(node["compiled_code"], columns)
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


def trace_to_bronze(lineages: Lineages, table: str, column: str) -> set[str]:
    found = set()
    for schema, name, source in lineages[table][column]:
        if schema == "bronze":
            found.add(f"{name}.{source}")
        elif name in lineages:
            found |= trace_to_bronze(lineages, name, source)
    return found


def test_every_column_of_every_model_is_traced(
    manifest: dict[str, Any], lineages: Lineages
) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            assert list(lineages[node["name"]]) == list(node["columns"]), node["name"]


def test_every_column_comes_from_a_column_or_is_a_known_constant(lineages: Lineages) -> None:
    rootless = {
        (table, column)
        for table, lineage in lineages.items()
        for column, sources in lineage.items()
        if not sources
    }
    assert rootless == CONSTANT


def test_every_source_of_a_column_is_declared(manifest: dict[str, Any], lineages: Lineages) -> None:
    columns = read_columns(manifest)
    for table, lineage in lineages.items():
        for schema, name, column in {each for sources in lineage.values() for each in sources}:
            assert column in columns[schema][name], (table, schema, name, column)


def test_spend_comes_from_the_orders_of_both_systems(lineages: Lineages) -> None:
    assert lineages["mart_customer_360"]["total_spent"] == [
        ("silver", "int_customer_orders", "total_spent")
    ]
    assert trace_to_bronze(lineages, "mart_customer_360", "total_spent") >= {
        "transactions.total_amount",
        "transactions.status",
        "workbook_transactions.amount",
        "rates.rate",
    }
    assert "transactions.tax_amount" not in trace_to_bronze(
        lineages, "customer_lifetime_value", "total_revenue"
    )


def test_a_categorys_name_comes_from_the_catalogue(lineages: Lineages) -> None:
    assert lineages["category_performance"]["category"] == [("silver", "stg_products", "category")]


def test_columns_made_of_personal_columns_are_marked_as_personal(
    manifest: dict[str, Any], lineages: Lineages
) -> None:
    """Columns without the mark are published unmasked. Each exception tells little of anybody."""
    nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
    personal = {
        (node["schema"], node.get("identifier") or node["alias"], name)
        for node in nodes
        for name, column in node["columns"].items()
        if is_personal(column)
    }
    unmarked = {
        (node["name"], name)
        for node in nodes
        if node["resource_type"] == "model"
        for name, sources in lineages[node["name"]].items()
        if personal & set(sources) and (node["schema"], node["alias"], name) not in personal
    }
    assert unmarked == HARMLESS
