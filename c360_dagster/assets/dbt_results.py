"""Reports each model and test of a build, as Dagster's events and in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb

from c360_dagster.dbt_runner.dbt_project import Manifest, is_personal
from c360_dagster.dbt_runner.invocation import NodeResult
from c360_dagster.dbt_runner.lineage import Column
from c360_dagster.sql import fetch_count, quote
from c360_dagster.words import count

MOST_FINDINGS = 10
DEMANDS = {
    "unique": "No two rows have the same {column_name}.",
    "unique_key": "No two rows have the same {columns}.",
    "not_null": "Every row has a {column_name}.",
    "accepted_values": "Every {column_name} is one of {values}.",
    "relationships": "Every {column_name} has its row in {to}.",
    "between": "Every {column_name} is from {low} to {high}.",
    "spans_do_not_overlap": "Each version of a {key} ends where the next begins.",
}
"""What a generic test demands of the column or table for which it is used."""


def report_table(
    con: duckdb.DuckDBPyConnection,
    key: dg.AssetKey,
    node: Mapping[str, Any],
    result: NodeResult,
    lineage: Mapping[str, Sequence[Column]],
) -> dg.MaterializeResult:
    """Reports a relation as it is in the warehouse.

    A view's rows are not counted, because they would have to be computed for that.
    """
    relation = _name(node)
    metadata: dict[str, Any] = {
        "seconds": round(result.seconds, 3),
        "dagster/table_name": relation,
        "dagster/storage_kind": "duckdb",
        "dagster/column_schema": _describe_columns(con, node),
    }
    if node["config"]["materialized"] != "view":
        metadata["dagster/row_count"] = fetch_count(con, f"select count(*) from {relation}")
    if lineage:
        metadata["dagster/column_lineage"] = _describe_lineage(lineage)
    return dg.MaterializeResult(asset_key=key, metadata=metadata)


def say_demand(node: Mapping[str, Any]) -> str:
    """Returns what a test demands: its description, or else the words for its kind of test."""
    kind = node.get("test_metadata") or {}
    if node.get("description") or kind.get("name") not in DEMANDS:
        return str(node.get("description") or "")
    words = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in kind["kwargs"].items()
    }
    words["to"] = words.get("to", "").removeprefix("ref('").removesuffix("')")
    return DEMANDS[kind["name"]].format_map(words).replace(" to None", " up")


def report_test(
    con: duckdb.DuckDBPyConnection,
    key: dg.AssetCheckKey,
    node: Mapping[str, Any],
    result: NodeResult,
) -> dg.AssetCheckResult:
    is_warning = str(node["config"].get("severity", "error")).lower() == "warn"
    metadata: dict[str, Any] = {"dbt_test": node["name"], "status": result.status}
    if result.failures:
        metadata |= {"failures": result.failures, "look_at": _failing_rows(node)}
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result.status == "pass",
        severity=dg.AssetCheckSeverity.WARN if is_warning else dg.AssetCheckSeverity.ERROR,
        description=_say_finding(con, node, result) if result.status != "pass" else None,
        metadata=metadata,
    )


def drop_removed_tests(con: duckdb.DuckDBPyConnection, manifest: Manifest) -> None:
    """Drops the rows of tests that the project no longer has, which would fail for ever."""
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    known = {node["alias"] for node in tests}
    query = "select table_name from duckdb_tables() where schema_name = ?"
    for schema in {node["schema"] for node in tests}:
        for (name,) in con.execute(query, [schema]).fetchall():
            if name not in known:
                con.execute(f"drop table {quote(schema)}.{quote(name)}")


def describe(manifest: Manifest, result: NodeResult) -> str:
    """Names the model or the test, with what dbt said or which rule is broken, and where."""
    node = manifest["nodes"].get(result.unique_id)
    if node is None:
        return f"{result.unique_id}: {result.message}"
    named = f"{node['resource_type']} {node['name']}"
    if node["resource_type"] != "test" or not result.failures:
        return f"{named}: {result.message}"
    rows = count(result.failures, "row breaks", "rows break")
    models = ", ".join(name.split(".")[-1] for name in node["depends_on"]["nodes"])
    return (
        f"{named}: {rows} the rule '{say_demand(node)}', on {models}; look at them with: "
        f"{_failing_rows(node)}"
    )


def _describe_columns(con: duckdb.DuckDBPyConnection, node: Mapping[str, Any]) -> dg.TableSchema:
    """The columns as they are in the warehouse, with what the project says about them."""
    types = {
        name: kind.lower() for name, kind, *_ in con.execute(f"describe {_name(node)}").fetchall()
    }
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=types.get(name, column["data_type"] or "?"),
                description=column["description"],
                tags={"pii": ""} if is_personal(column) else {},
            )
            for name, column in node["columns"].items()
        ]
    )


def _describe_lineage(lineage: Mapping[str, Sequence[Column]]) -> dg.TableColumnLineage:
    return dg.TableColumnLineage(
        deps_by_column={
            column: [
                dg.TableColumnDep(asset_key=dg.AssetKey([schema, table]), column_name=name)
                for schema, table, name in sources
            ]
            for column, sources in lineage.items()
        }
    )


def _say_finding(
    con: duckdb.DuckDBPyConnection, node: Mapping[str, Any], result: NodeResult
) -> str:
    """Says what a test of our own found; not for generic tests, whose rows may be personal data."""
    if not result.failures or node.get("test_metadata"):
        return result.message
    rows = con.execute(f"{_failing_rows(node)} order by all limit {MOST_FINDINGS + 1}")
    return _say_rows(rows.description or [], rows.fetchall())


def _say_rows(columns: Sequence[Sequence[Any]], rows: Sequence[Sequence[Any]]) -> str:
    rows_in_words = [
        ", ".join(f"{column[0]} {cell}" for column, cell in zip(columns, row, strict=True))
        for row in rows[:MOST_FINDINGS]
    ]
    return "; ".join([*rows_in_words, "…"] if len(rows) > MOST_FINDINGS else rows_in_words)


def _failing_rows(node: Mapping[str, Any]) -> str:
    return f"select * from {_name(node)}"


def _name(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{node['alias']}"
