"""Lineage as far as it has been traced, kept beside the project as parsed: once for each model."""

import contextlib
import json
from collections.abc import Sequence

from c360_dagster.resources import dbt_project
from c360_dagster.resources.asking_dbt import NodeResult
from c360_dagster.resources.dbt_project import Manifest
from c360_dagster.resources.lineage import Lineage, read_columns
from c360_dagster.resources.whole_files import replace_file

TRACED = "lineage.json"


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
