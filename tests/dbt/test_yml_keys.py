"""No yml has a key unknown to dbt: dbt would ignore it, and with it a test or a constraint."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from c360_dagster.dbt_runner.dbt_project import PROJECT

DESCRIBED = {"name", "description", "config", "columns", "data_tests"}
KNOWN = {
    "": {"version", "models", "seeds", "sources", "exposures", "unit_tests", "data_tests"},
    "models": DESCRIBED,
    "seeds": DESCRIBED,
    "sources": {"name", "schema", "description", "tables"},
    "tables": DESCRIBED,
    "columns": {"name", "description", "data_type", "constraints", "config", "data_tests"},
    "constraints": {"type"},
    "data_tests": {"name", "description"},
    "exposures": {"name", "label", "type", "maturity", "description", "owner", "depends_on"},
    "unit_tests": {"name", "description", "model", "overrides", "given", "expect"},
    "overrides": {"vars"},
    "given": {"input", "format", "rows"},
    "expect": {"rows"},
    "config": {
        "meta", "severity", "freshness", "loaded_at_query", "column_types", "contract",
        "materialized",
    },
    # keys of the landing contract and of Dagster
    "meta": {
        "pii", "folder", "key", "event_time", "essential", "required", "file", "format", "optional",
        "dagster", "layer",
    },
    "generic test": {"arguments", "config"},
}  # fmt: skip
FILES = sorted(PROJECT.glob("models/**/*.yml")) + sorted(PROJECT.glob("[st]*s/*.yml"))
OPEN = {"rows", "vars", "freshness", "column_types", "owner", "arguments"}
"""Keys below which names are free."""


def find_unknown(node: object, section: str = "") -> Iterator[str]:
    """Yields each key that its section does not have, with the section's name."""
    if isinstance(node, list):
        for each in node:
            yield from find_unknown(each, section)
    elif isinstance(node, dict):
        is_test = section == "data_tests" and not {"name", "description"} & set(node)
        yield from (
            f"{section}: {key}" for key in node if not is_test and key not in KNOWN.get(section, ())
        )
        for key, value in node.items():
            if key not in OPEN:
                yield from find_unknown(value, "generic test" if is_test else key)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_key_is_ignored(path: Path) -> None:
    assert list(find_unknown(yaml.safe_load(path.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("models: [{name: a, descripton: b}]", ["models: descripton"]),
        ("models: [{name: a, columns: [{name: b, tests: [unique]}]}]", ["columns: tests"]),
        ("models: [{name: a, data_tests: [{unique_key: {columns: [b]}}]}]",
         ["generic test: columns"]),
        ("model: []", [": model"]),
    ],
)  # fmt: skip
def test_a_mistyped_key_is_seen(text: str, found: list[str]) -> None:
    read: dict[str, Any] = yaml.safe_load(text)
    assert list(find_unknown(read)) == found
