"""The dbt build, against the same compiled SQL run in one plain DuckDB connection."""

import json
import shutil
import sys
import tempfile
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from bench.measure import measure
from c360_dagster.resources.dbt import PROJECT, DbtBuilder
from c360_dagster.settings import tell_dbt_the_warehouse


def main(arguments: list[str]) -> None:
    """Needs the path of a warehouse with bronze in it; works on copies."""
    if not arguments:
        sys.stdout.write("models: name a warehouse with bronze in it, to build from\n")
        return
    source = Path(arguments[0])
    with tempfile.TemporaryDirectory() as folder:
        # Views name their database, which is the file's name: it stays what it was.
        ours, plain = (Path(folder) / side / source.name for side in ("ours", "plain"))
        for copy in (ours, plain):
            copy.parent.mkdir()
            shutil.copy(source, copy)
        steps = compile_steps(plain, Path(folder) / "target")
        built = measure(build, ours, with_tests=True)
        models = measure(build, ours, with_tests=False)
        bare = measure(run_plain, plain, steps)
        same = built.result == bare.result
    sys.stdout.write(
        f"{len(steps)} models: {models.seconds:.1f} s through dbt in process "
        f"({built.seconds:.1f} s with its tests), {bare.seconds:.1f} s plain, "
        f"ratio {models.seconds / bare.seconds:.2f}; peak memory {built.megabytes:,.0f} MB; "
        f"row counts {'equal' if same else 'DIFFER'}\n"
    )


def build(warehouse: Path, *, with_tests: bool) -> object:
    builder = DbtBuilder(warehouse=str(warehouse))
    chosen = [] if with_tests else ["resource_type:model", "resource_type:seed"]
    bad = [
        result.unique_id
        for result in builder.build(
            select=chosen, variables={}, scratch=warehouse.parent / "scratch"
        )
        if result.is_bad
    ]
    if bad:
        raise SystemExit(f"failed: {bad}")
    return count_rows(warehouse)


def compile_steps(warehouse: Path, target: Path) -> list[str]:
    """Seeds built, every model as one statement, in an order in which they can run."""
    tell_dbt_the_warehouse(str(warehouse))
    folders = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    outputs = ["--target-path", str(target), "--log-path", str(target), "--quiet"]
    for verb in ("seed", "compile"):
        result = dbtRunner().invoke([verb, *folders, *outputs])
        if not result.success:
            raise SystemExit(f"dbt {verb}: {result.exception}")
    DuckDBConnectionManager.close_all_connections()
    nodes: dict[str, Any] = json.loads((target / "manifest.json").read_text())["nodes"]
    order = TopologicalSorter(
        {
            name: node["depends_on"]["nodes"]
            for name, node in nodes.items()
            if node["resource_type"] == "model"
        }
    )
    steps = []
    for name in order.static_order():
        node = nodes.get(name)
        if node and node["resource_type"] == "model":
            kind = "view" if node["config"]["materialized"] == "view" else "table"
            relation = f'"{node["schema"]}"."{node["alias"]}"'
            steps.append(f"create or replace {kind} {relation} as {node['compiled_code']}")
    return steps


def run_plain(warehouse: Path, steps: list[str]) -> object:
    with duckdb.connect(str(warehouse)) as con:
        con.execute("set memory_limit = '6GB'; set enable_progress_bar = false")
        con.execute("create schema if not exists silver; create schema if not exists gold")
        for step in steps:
            con.execute(step)
    return count_rows(warehouse)


def count_rows(warehouse: Path) -> object:
    with duckdb.connect(str(warehouse), read_only=True) as con:
        return con.execute(
            "select table_name, estimated_size from duckdb_tables() "
            "where schema_name = 'gold' and table_name <> 'publication' order by table_name"
        ).fetchall()
