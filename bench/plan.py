"""A plan of the work from bronze to gold, in order: compiled SQL, and the steps that Python does.

It is made before anything is measured; following it needs neither dbt nor its project.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from c360_dagster.dbt_runner.dbt_project import PROJECT, is_personal
from c360_dagster.settings import tell_dbt_the_warehouse
from c360_dagster.sql import literal, quote

TYPES = {"string": "varchar"}

# What Python works out: from which models, into which schema's tables.
PYTHON = {
    "identity": ("int_customer_records", "int_data_clock"),
    "segments": ("int_customer_features",),
    "forecasts": (
        *("int_forecast_plan", "int_forecast_features"),
        *("int_holdout_plan", "int_holdout_features"),
    ),
    "recommendations": ("int_customer_products",),
    "effects": ("int_campaign_responses",),
}
TABLES = {
    "segments": "segments",
    "centroids": "segments",
    "stability": "segments",
    "forecasts": "forecasts",
    "parameters": "forecasts",
    "calibration": "forecasts",
    "next_products": "recommendations",
    "next_categories": "recommendations",
    "campaign_effects": "effects",
}

MEMORY = "5GB"
"""What the database may take where no dbt is, as dbt's own profile has it."""

Node = dict[str, Any]
"""What dbt's manifest says of a model or seed."""


@dataclass(frozen=True)
class Step:
    """One statement, or the name of what Python does."""

    name: str
    sql: str = ""
    after: tuple[str, ...] = ()
    """The steps that it needs."""
    lands: tuple[str, ...] = ()
    """The tables of bronze that it reads."""


@dataclass(frozen=True)
class Plan:
    steps: list[Step]
    personal: dict[str, list[str]]
    """The columns of gold with personal data."""

    def write(self, path: Path) -> Path:
        path.write_text(json.dumps(asdict(self)), "utf-8")
        return path


def read_plan(path: Path) -> Plan:
    written = json.loads(path.read_text("utf-8"))
    steps = [
        Step(step["name"], step["sql"], tuple(step["after"]), tuple(step["lands"]))
        for step in written["steps"]
    ]
    return Plan(steps, written["personal"])


def cut(plan: Plan, targets: Iterable[str], given: Iterable[str]) -> list[Step]:
    """The steps that the targets need, where some tables are given."""
    by_name, given = {step.name: step for step in plan.steps}, set(given)
    needed: set[str] = set()
    waiting = list(targets)
    while waiting:
        name = waiting.pop()
        if name not in needed | given:
            needed.add(name)
            waiting += by_name[name].after
    return [step for step in plan.steps if step.name in needed]


def make_plan(folder: Path) -> Plan:
    """Compiled for a warehouse of the name that the road's has, which need not be there."""
    nodes = compile_project(folder / "target", folder / "warehouse.duckdb")
    models = {
        name: node for name, node in nodes.items() if node["resource_type"] in {"model", "seed"}
    }
    graph = {node["alias"]: _depend(node, nodes) for node in models.values()}
    graph |= {python: set(reads) for python, reads in PYTHON.items()}
    graph["effects"].add("segments")
    by_alias = {node["alias"]: node for node in models.values()}
    return Plan(
        [
            _describe(name, by_alias.get(name), graph[name])
            for name in TopologicalSorter(graph).static_order()
        ],
        {
            node["alias"]: [name for name, column in node["columns"].items() if is_personal(column)]
            for node in models.values()
            if node["schema"] == "gold"
        },
    )


def compile_project(target: Path, warehouse: Path) -> dict[str, Node]:
    """The nodes of dbt with their compiled SQL; no database is asked."""
    tell_dbt_the_warehouse(str(warehouse))
    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    outputs = ["--target-path", str(target), "--log-path", str(target), "--quiet"]
    try:
        result = dbtRunner().invoke(
            ["compile", "--no-introspect", "--no-populate-cache", *folders, *outputs]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()
    if not result.success:
        raise SystemExit(f"dbt compile: {result.exception}")
    nodes: dict[str, Node] = json.loads((target / "manifest.json").read_text("utf-8"))["nodes"]
    return nodes


def _depend(node: Node, nodes: dict[str, Node]) -> set[str]:
    """The models, seeds and Python steps that a node waits for."""
    waits = set()
    for name in node["depends_on"].get("nodes", ()):
        kind, _, *rest = name.split(".")
        if kind != "source":
            waits.add(nodes[name]["alias"])
        elif rest[0] == "identity":
            waits.add("identity")
        elif rest[0] == "science" and rest[1] in TABLES:
            waits.add(TABLES[rest[1]])
    return waits


def _describe(name: str, node: Node | None, after: set[str]) -> Step:
    if node is None:
        return Step(name, after=tuple(sorted(after)))
    sources = [source.split(".")[2:] for source in node["depends_on"].get("nodes", ())]
    lands = sorted(
        table for schema, table in (s for s in sources if len(s) == 2) if schema == "bronze"
    )
    return Step(name, _write_statement(node), tuple(sorted(after)), tuple(lands))


def _write_statement(node: Node) -> str:
    relation = f"{quote(node['schema'])}.{quote(node['alias'])}"
    if node["resource_type"] == "seed":
        path = PROJECT / node["original_file_path"]
        types = ", ".join(
            f"{literal(name)}: {literal(TYPES.get(kind, kind))}"
            for name, kind in node["config"]["column_types"].items()
        )
        query = f"from read_csv({literal(str(path))}, header = true, types = {{{types}}})"
        return f"create or replace table {relation} as {query}"
    kind = "view" if node["config"]["materialized"] == "view" else "table"
    return f"create or replace {kind} {relation} as {node['compiled_code']}"
