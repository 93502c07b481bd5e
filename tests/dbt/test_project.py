"""The rules of the dbt project, checked in its manifest: layers, contracts, keys, descriptions."""

import re
from typing import Any

from c360_dagster.assets.daily_report import READS
from c360_dagster.audiences.members import GOLD_RELATIONS
from c360_dagster.dbt_runner.dbt_project import PROJECT
from c360_dagster.settings import REPOSITORY

Manifest = dict[str, Any]
GRAIN = ("One row", "{{ doc(")
KEY_TESTS = {"unique", "unique_key"}
# besides bronze and seeds, staging models may read only the as-of day and the exchange rates
STAGING_READS = {"int_data_clock", "stg_order_rates", "stg_rates"}
SALES_READS = {"stg_sales", "stg_products"}

CUSTOMER_MART = """
customer_id customer_gender total_orders total_spent avg_order_value first_order_date
last_order_date total_items_purchased store_name store_id store_city store_state
categories_purchased brands_purchased
orders_refunded amount_refunded orders_cancelled customer_gender_source source_systems is_inferred
loyalty_tier customer_segment preferred_channel days_since_last_order rfm_segment persona clv_12m
churn_risk tickets_open avg_satisfaction late_deliveries sessions_90d favourite_category
next_best_category marketing_consent as_of_date
"""


def models(manifest: Manifest, layer: str | None = None) -> list[dict[str, Any]]:
    found = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    return [node for node in found if layer is None or node["fqn"][1] == layer]


def test_schemas_are_called_what_layers_are_called(manifest: Manifest) -> None:
    schemas = {(node["fqn"][1], node["schema"]) for node in models(manifest)}
    assert schemas == {("staging", "silver"), ("intermediate", "silver"), ("marts", "gold")}


def test_only_staging_reads_bronze(manifest: Manifest) -> None:
    readers = {
        node["fqn"][1]
        for node in models(manifest)
        if any(parent.startswith("source.c360.bronze.") for parent in node["depends_on"]["nodes"])
    }
    assert readers == {"staging"}


def test_staging_reads_no_source_but_bronze(manifest: Manifest) -> None:
    for node in models(manifest, "staging"):
        sources = [name for name in node["depends_on"]["nodes"] if name.startswith("source.")]
        assert all(name.startswith("source.c360.bronze.") for name in sources), node["name"]


def test_staging_reads_nothing_but_bronze_and_the_day(manifest: Manifest) -> None:
    for node in models(manifest, "staging"):
        if node["name"] == "stg_sales":
            continue
        read = {
            parent.split(".")[-1]
            for parent in node["depends_on"]["nodes"]
            if parent.startswith("model.")
        }
        assert read <= STAGING_READS, node["name"]


def test_marts_read_no_staging_models_except_sales_and_their_products(manifest: Manifest) -> None:
    for node in models(manifest, "marts"):
        read = {
            parent.split(".")[-1] for parent in node["depends_on"]["nodes"] if ".stg_" in parent
        }
        allowed = SALES_READS if node["fqn"][2] == "sales_reporting" else set()
        assert read <= allowed, node["name"]


def test_gold_has_contracts_on_tables_and_a_tested_key(manifest: Manifest) -> None:
    tested: dict[str, set[str]] = {}
    for test in manifest["nodes"].values():
        if test["resource_type"] == "test" and test.get("test_metadata"):
            tested.setdefault(test["attached_node"], set()).add(test["test_metadata"]["name"])
    for node in models(manifest, "marts"):
        assert node["config"]["materialized"] in {"table", "incremental"}, node["name"]
        assert node["contract"]["enforced"], node["name"]
        if node["name"] != "publication":  # it has only one row
            assert tested[node["unique_id"]] & KEY_TESTS, node["name"]


def test_everything_is_described_grain_first(manifest: Manifest) -> None:
    for node in models(manifest):
        assert node["description"].strip().startswith(GRAIN), node["name"]
        undescribed = [name for name, each in node["columns"].items() if not each["description"]]
        assert undescribed == [], node["name"]
        assert node["columns"], node["name"]


def test_names_and_addresses_are_marked_as_personal(manifest: Manifest) -> None:
    personal = {"first_name", "last_name", "email", "phone", "date_of_birth", "address_line1"}
    for node in models(manifest):
        for name in personal & set(node["columns"]):
            assert node["columns"][name]["config"]["meta"].get("pii"), (node["name"], name)


def test_every_model_has_its_yml_beside_it(manifest: Manifest) -> None:
    described = {path.stem for path in PROJECT.glob("models/**/*.yml")}
    assert {node["name"] for node in models(manifest)} <= described


def test_the_customer_mart_has_its_columns_in_order(manifest: Manifest) -> None:
    (mart,) = [node for node in models(manifest) if node["name"] == "mart_customer_360"]
    assert list(mart["columns"]) == CUSTOMER_MART.split()


def test_models_that_mark_rows_as_changed_are_built_first(manifest: Manifest) -> None:
    """Changed rows are found by a model's name in plain SQL, from which dbt learns no order."""
    by_name = {node["name"]: node for node in models(manifest)}
    for node in models(manifest):
        touched = node["config"]["meta"].get("touched")
        if node["config"]["materialized"] != "incremental" or not touched:
            continue
        found = " ".join(touched["found"])
        named = set(re.findall(r"(?:changes|silver|gold)\.(\w+)", found))
        assert named or "identity." in found, node["name"]
        assert named <= ancestors(by_name, node["name"]), node["name"]
        for name in re.findall(r"changes\.(\w+)", found):
            assert by_name[name]["config"]["materialized"] == "incremental", name


def ancestors(by_name: dict[str, dict[str, Any]], name: str) -> set[str]:
    parents = {
        parent.split(".")[-1]
        for parent in by_name[name]["depends_on"]["nodes"]
        if parent.startswith("model.")
    }
    return parents.union(*(ancestors(by_name, parent) for parent in parents))


def test_exposures_list_every_table_that_is_used(manifest: Manifest) -> None:
    """The page of `make docs` shows it; a table that seems unused would soon be removed."""
    gold = {node["name"] for node in models(manifest, "marts")}
    pages = sorted((REPOSITORY / "c360_dashboard").rglob("*.py"))
    queries = " ".join(page.read_text("utf-8") for page in pages)
    asked = (
        GOLD_RELATIONS.mart,
        GOLD_RELATIONS.consents,
        GOLD_RELATIONS.contacts,
        "gold.publication",
    )
    assert {
        each["name"]: {name.split(".")[-1] for name in each["depends_on"]["nodes"]}
        for each in manifest["exposures"].values()
    } == {
        "customer_360_dashboard": gold & set(re.findall(r"\b(?:from|join) (\w+)", queries)),
        "daily_report": set(READS["gold"]),
        "customer_exports": {name.split(".")[-1] for name in asked},
    }
