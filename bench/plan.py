"""A plan of the work from bronze to gold, in order: compiled SQL and the steps that Python does.

The plan is made before anything is measured; carrying it out needs neither dbt nor its project.
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
from c360_dagster.settings import set_dbt_warehouse
from c360_dagster.sql import literal, quote

TYPES = {"string": "varchar"}

# The steps that Python does, with the models that each reads.
PYTHON_READS = {
    "identity": ("int_customer_records", "int_data_clock"),
    "segments": ("int_customer_features",),
    "forecasts": (
        *("int_forecast_plan", "int_forecast_features"),
        *("int_holdout_plan", "int_holdout_features"),
    ),
    "recommendations": ("int_customer_products",),
    "effects": ("int_campaign_responses",),
}
STEP_OF_TABLE = {
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
"""The database's memory limit when dbt does not set it; the same as in dbt's profile."""

Node = dict[str, Any]
"""What dbt's manifest says about a model or seed."""


@dataclass(frozen=True)
class Step:
    """One SQL statement, or, if `sql` is empty, the name of a step that Python does."""

    name: str
    sql: str = ""
    after: tuple[str, ...] = ()
    """The steps that it needs."""
    lands: tuple[str, ...] = ()
    """The bronze tables that it reads."""


@dataclass(frozen=True)
class Plan:
    steps: list[Step]
    personal: dict[str, list[str]]
    """The columns with personal data, by gold table."""

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


def select_steps(plan: Plan, targets: Iterable[str], given: Iterable[str]) -> list[Step]:
    """Returns the steps that the targets need if some tables are given already."""
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
    """Makes the plan for a warehouse with the same file name as the pipeline's.

    The warehouse itself need not exist.
    """
    nodes = compile_project(folder / "target", folder / "warehouse.duckdb")
    models = {
        name: node for name, node in nodes.items() if node["resource_type"] in {"model", "seed"}
    }
    graph = {node["alias"]: _find_dependencies(node, nodes) for node in models.values()}
    graph |= {python: set(reads) for python, reads in PYTHON_READS.items()}
    graph["effects"].add("segments")
    by_alias = {node["alias"]: node for node in models.values()}
    return Plan(
        [
            _make_step(name, by_alias.get(name), graph[name])
            for name in TopologicalSorter(graph).static_order()
        ],
        {
            node["alias"]: [name for name, column in node["columns"].items() if is_personal(column)]
            for node in models.values()
            if node["schema"] == "gold"
        },
    )


def compile_project(target: Path, warehouse: Path) -> dict[str, Node]:
    """Returns dbt's nodes with their compiled SQL, without asking a database."""
    set_dbt_warehouse(str(warehouse))
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


def _find_dependencies(node: Node, nodes: dict[str, Node]) -> set[str]:
    """Returns the models, seeds and Python steps that a node waits for."""
    waits = set()
    for name in node["depends_on"].get("nodes", ()):
        kind, _, *rest = name.split(".")
        if kind != "source":
            waits.add(nodes[name]["alias"])
        elif rest[0] == "identity":
            waits.add("identity")
        elif rest[0] == "science" and rest[1] in STEP_OF_TABLE:
            waits.add(STEP_OF_TABLE[rest[1]])
    return waits


def _make_step(name: str, node: Node | None, after: set[str]) -> Step:
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
