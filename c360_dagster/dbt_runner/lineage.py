"""Reads the columns that the project declares, for column lineage, and names lineage's types."""

from collections.abc import Mapping, Sequence

from c360_dagster.dbt_runner.dbt_project import Manifest
from c360_dagster.layers import BRONZE
from landing_contract import PROVENANCE

Column = tuple[str, str, str]
"""Schema, table and column."""
Columns = Mapping[str, Mapping[str, Sequence[str]]]
"""The columns of every table, by schema and table."""


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
