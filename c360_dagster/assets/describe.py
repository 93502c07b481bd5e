"""What an asset's page in the UI shows about a table: its columns, and rows as a small table."""

import re
from collections.abc import Iterable, Sequence

import dagster as dg

from c360_dagster.building.computed import ComputedTable
from c360_dagster.layers import Layer
from landing_contract import Table

MASK = "•••"
LONGEST_CELL = 40
MARKDOWN = re.compile(r"[\\`*\[\]<>|~]")
"""What is escaped: anybody may have typed a name into a web shop, and it must not become a picture,
a link or a tag in the UI."""


def describe_table(table: Table | ComputedTable) -> dict[str, dg.TableSchema]:
    """The declared columns, in the form that the UI's column view expects."""
    columns = [
        dg.TableColumn(
            name=column.name,
            type=column.type,
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=column.name not in table.key),
            tags={"pii": ""} if column.is_pii else {},
        )
        for column in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns)}


def tag_table(table: Table | ComputedTable, layer: Layer) -> dict[str, str]:
    is_personal = any(column.is_pii for column in table.columns)
    return {"layer": layer.name} | ({"pii": ""} if is_personal else {})


def specify_computed(
    table: ComputedTable, layer: Layer, deps: Iterable[dg.AssetKey]
) -> dg.AssetSpec:
    """Specifies a table that Python writes for dbt's models to read."""
    return dg.AssetSpec(
        key=[table.schema, table.name],
        deps=list(deps),
        group_name=layer.name,
        owners=[layer.owner],
        kinds=set(layer.kinds),
        description=table.description,
        metadata={
            **describe_table(table),
            "dagster/table_name": table.relation,
            "dagster/storage_kind": "duckdb",
        },
        tags=tag_table(table, layer),
    )


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [_line(header), _line(["---"] * len(header)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    text = "" if value is None else str(value).replace("\n", " ")
    text = text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
    return MARKDOWN.sub(r"\\\g<0>", text)
