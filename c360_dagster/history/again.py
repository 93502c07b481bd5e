"""dbt's builds of one day, done again for another without dbt: the same SQL in the same order.

dbt renders, compares and logs each model for longer than a small one takes. Only where nothing but
the day differs is a build done again; whatever else a model may need is left to dbt.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from c360_dagster.loading.sql import transaction
from c360_dagster.resources.dbt import DbtBuilder, NodeResult, read_manifest

DAY = "as_of"
PLAIN = {"table", "view", "incremental"}
MEMORY_LIMIT = "6GB"
"""As dbt's own profile has it."""


@dataclass(frozen=True)
class _Build:
    day: str
    results: list[NodeResult]


@dataclass(frozen=True)
class Again:
    """Stands in for the builder among the road's resources, for as long as a walk of many days."""

    dbt: DbtBuilder
    manifest: Mapping[str, Any] = field(default_factory=read_manifest)
    builds: dict[tuple[str, ...], _Build] = field(default_factory=dict)

    def build(
        self, *, select: Sequence[str], variables: Mapping[str, str | None], scratch: Path
    ) -> Iterator[NodeResult]:
        """By dbt the first time; then with what it made of each model, as of another day."""
        day = variables[DAY]
        first = self.builds.get(tuple(select))
        if first and day:
            yield from self._repeat(first, day, scratch)
            return
        results = []
        for result in self.dbt.build(select=select, variables=variables, scratch=scratch):
            results.append(result)
            yield result
        if day and all(self._is_plain(result) for result in results):
            self.builds[tuple(select)] = _Build(day, results)

    def _is_plain(self, result: NodeResult) -> bool:
        """Whether the model's own SQL is all there is to it; a seed stays as it is."""
        node = self.manifest["nodes"][result.unique_id]
        if result.status != "success":
            return False
        if node["resource_type"] == "seed":
            return True
        config = node["config"]
        hooks = config["pre-hook"] or config["post-hook"]
        return config["materialized"] in PLAIN and bool(result.sql) and not hooks

    def _repeat(self, first: _Build, day: str, scratch: Path) -> Iterator[NodeResult]:
        with duckdb.connect(self.dbt.warehouse) as con:
            con.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
            con.execute("set temp_directory = ?", [str(scratch / "spill")])
            for result in first.results:
                started = time.monotonic()
                self._fill(con, result, first.day, day)
                yield replace(result, seconds=time.monotonic() - started)

    def _fill(
        self, con: duckdb.DuckDBPyConnection, result: NodeResult, before: str, day: str
    ) -> None:
        """A view goes on looking; a table, with the contract that dbt gave it, is filled anew."""
        node = self.manifest["nodes"][result.unique_id]
        if node["resource_type"] == "seed" or node["config"]["materialized"] == "view":
            return
        sql = result.sql
        if f"var('{DAY}')" in node["raw_code"]:
            sql = sql.replace(f"'{before}'", f"'{day}'")
        relation = node["relation_name"]
        with transaction(con):
            con.execute(f"truncate {relation}")
            con.execute(f"insert into {relation} by name ({sql}\n)")
