"""What lineage is told in: columns, and what each of a model's is made of; see tracing.py."""

import contextlib
import json
from collections.abc import Mapping, Sequence

from c360_dagster.layers import BRONZE
from c360_dagster.loading.schema import PROVENANCE
from c360_dagster.resources import dbt_project
from c360_dagster.resources.dbt import NodeResult
from c360_dagster.resources.dbt_project import Manifest
from c360_dagster.resources.whole_files import replace_file

Column = tuple[str, str, str]
"""Schema, table and column."""
Columns = Mapping[str, Mapping[str, Sequence[str]]]
"""The columns of every table, by schema and table."""
Lineage = dict[str, dict[str, list[Column]]]
"""What each column of each model comes from, by the model's id in the manifest."""
TRACED = "lineage.json"


def read_columns(manifest: Manifest) -> dict[str, dict[str, list[str]]]:
    """The columns of every relation, as the project declares them."""
    columns: dict[str, dict[str, list[str]]] = {}
    for node in manifest["nodes"].values():
        if node["columns"]:
            columns.setdefault(node["schema"], {})[node["alias"]] = list(node["columns"])
    for source in manifest["sources"].values():
        added = PROVENANCE if source["schema"] == BRONZE.name else ()
        names = [*source["columns"], *added]
        columns.setdefault(source["schema"], {})[source["identifier"]] = names
    return columns


def read_lineage() -> Lineage:
    """Where the columns of the models come from, as far as it has been traced."""
    with contextlib.suppress(OSError, ValueError, LookupError):
        kept = json.loads((dbt_project.TARGET / TRACED).read_text("utf-8"))
        if kept["project"] == dbt_project.read_stamp():
            traced: Lineage = kept["models"]
            return traced
    return {}


def trace_lineage(manifest: Manifest, results: Sequence[NodeResult], known: Lineage) -> Lineage:
    """With the columns of these models, each traced once a project."""
    traced = dict(known)
    untraced = [result for result in results if result.sql and result.unique_id not in traced]
    if untraced:
        # What reads SQL is slow to import, and a project is traced once.
        from c360_dagster.resources.tracing import trace_columns  # noqa: PLC0415

        columns = read_columns(manifest)
        dialect = manifest["metadata"]["adapter_type"]
        for result in untraced:
            traced[result.unique_id] = trace_columns(result.sql, columns, dialect)
        kept = {"project": dbt_project.read_stamp(), "models": traced}
        with contextlib.suppress(OSError):  # a read-only installation traces each time
            replace_file(dbt_project.TARGET / TRACED, json.dumps(kept))
    return traced
