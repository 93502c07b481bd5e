"""Keeps the column lineage traced so far beside the parsed project, to trace each query once."""

import contextlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from c360_dagster.building.marks import digest, digest_sources
from c360_dagster.dbt_runner import dbt_project
from c360_dagster.dbt_runner.dbt_project import Manifest
from c360_dagster.dbt_runner.invocation import NodeResult
from c360_dagster.dbt_runner.lineage import Column, read_columns
from c360_dagster.resources.atomic_files import replace_file

FILE = "lineage.json"


class LineageCache:
    """Where the columns of the models come from."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._nodes = {**manifest["nodes"], **manifest["sources"]}
        self._kept: dict[str, dict[str, Any]] = {}
        with contextlib.suppress(OSError, ValueError):
            kept = json.loads((dbt_project.TARGET / FILE).read_text("utf-8"))
            self._kept = {name: traced for name, traced in kept.items() if name in self._nodes}

    def knows(self, result: NodeResult) -> bool:
        kept = self._kept.get(result.unique_id, {})
        return not result.sql or kept.get("of") == self._digest_query(result)

    def find(self, result: NodeResult) -> dict[str, list[Column]]:
        """Returns the lineage of a model that is known; nothing for a node without a query."""
        columns: dict[str, list[Column]] = self._kept.get(result.unique_id, {}).get("columns", {})
        return columns

    def trace(self, results: Iterable[NodeResult]) -> None:
        """Traces those of these models that are not known, and keeps what it finds."""
        untraced = [result for result in results if not self.knows(result)]
        if not untraced:
            return
        # Imported here because the SQL parser is slow to import and each query is traced only once.
        from c360_dagster.dbt_runner.tracing import trace_columns  # noqa: PLC0415

        declared = read_columns(self._manifest)
        dialect = self._manifest["metadata"]["adapter_type"]
        for result in untraced:
            columns = trace_columns(result.sql, declared, dialect)
            self._kept[result.unique_id] = {"of": self._digest_query(result), "columns": columns}
        with contextlib.suppress(OSError):  # a read-only installation traces each time
            replace_file(dbt_project.TARGET / FILE, json.dumps(self._kept))

    def _digest_query(self, result: NodeResult) -> str:
        """A digest of the query and of the columns of what it reads, since it may `select *`."""
        node = self._nodes.get(result.unique_id, {"depends_on": {}})
        reads = node["depends_on"].get("nodes", ())
        columns = [list(self._nodes[each]["columns"]) for each in reads if each in self._nodes]
        return digest(_digest_tracer(), result.sql, columns)


@cache
def _digest_tracer() -> str:
    """A digest of the code that reads the queries: another version may find other columns."""
    folder = Path(__file__).parent
    return digest_sources(folder, [folder / "tracing.py"], ["sqlglot"])
