"""Keeps the statements that dbt sent to the database for a node, to send them again without dbt.

As long as nothing that a node is rendered from has changed, its statements are the same, whichever
other nodes are selected with it.
"""

import contextlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import dropwhile
from pathlib import Path
from typing import Any

from c360_dagster.building.marks import digest
from c360_dagster.resources.atomic_files import replace_file
from c360_dagster.sql import literal, quote

FOLDER = "rendered"
FORMAT = 2
"""The version of the files there. Raise it if other parts of a node's statements are to be kept."""
SINCE = "since"
RUN_VARIABLES = ("as_of", SINCE, "run_id", "published_at")
"""Variables that differ from run to run: statements have placeholders for them. The values of other
variables are part of the key under which a node's statements are kept."""
LEFT_OUT = ("select", "describe", "drop")
"""Statements of a model that are not kept: those that compare its columns with a contract, because
columns once found equal stay so; and those that drop a view to make way for a table, because that
happens only once.
"""
COUNTING = "as should_error"
"""The end of the column list in a test's first statement, which counts the failures."""
SEED_TYPES = {"string": "varchar"}
KINDS = {"model", "seed", "test"}
DESCRIPTIVE_FIELDS = {"description", "doc_blocks"}
"""Fields of a node and its columns that are words for readers and do not affect the statements."""
LOCATION_FIELDS = {
    "build_path",
    "compiled_path",
    "created_at",
    "original_file_path",
    "patch_path",
    "root_path",
}
"""Fields that say where and when a node was read. They are left out, too; the node's folder still
counts, as a part of its name, because settings are made by folder."""

VARIABLE = re.compile(r"""var\(\s*['"](\w+)""")
ASKS_THE_DATABASE = re.compile(r"\b(?:run_query|statement)\(|\badapter\.(?!dispatch\b|quote\b)")
"""Code that asks the database while it is rendered. The next answer may differ, so the statements
of such a node are not kept. Macros called under `if execute` escape this, because dbt does not list
them.
"""

READS_FILES = re.compile(
    r"\b(?:read_\w+|glob|\w+_scan)\s*\(|\b(?:from|join)\s+'[^'\s]*[./][^'\s]*'", re.IGNORECASE
)
FILES = "files"
"""Stands for files or another database that a node's own code reads: nobody knows whether these
have changed.
"""

Variables = Mapping[str, str | None]


@dataclass(frozen=True)
class Rendered:
    """One node: its names, what it reads, and its statements with `{{name}}` for variables."""

    unique_id: str
    name: str
    """The name under which its mark is kept: a relation's name or a test's id."""
    selector: str
    schema: str
    relation: str
    severity: str
    """For a test."""
    warn_if: str
    """The condition on which a test warns."""
    after: tuple[str, ...]
    """The nodes that it reads."""
    reads: tuple[str, ...]
    """The relations of these nodes, and `files` if it reads files or another database itself."""
    variables: tuple[str, ...]
    """The variables that it uses, among those that differ from run to run."""
    origin: str
    """A digest of all that it is rendered from, except the variables."""
    statements: tuple[str, ...] = ()
    """Empty if only dbt can tell."""
    sql: str = ""
    """A model's compiled `select`."""

    @property
    def is_test(self) -> bool:
        return self.unique_id.startswith("test.")


class StatementCache:
    """The project's nodes, and the statements of those that dbt has rendered.

    A node's statements are in a file named by a digest of the node and the variables it is given.
    The file also holds the node's origin, which shows whether the statements are still valid.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        folder: Path,
        *,
        foundation: str,
        database: str,
        given: Variables,
    ) -> None:
        fixed = {name: value for name, value in given.items() if name not in RUN_VARIABLES}
        self._manifest = manifest
        self._ephemeral = _select(manifest, "ephemeral")
        self._foundation = foundation
        self._folder = folder
        self._key_parts = [FORMAT, database, sorted(fixed.items())]
        self._given = given

    def choose(self, select: Sequence[str]) -> list[Rendered]:
        """Returns the nodes that dbt would build for the selection; none if only dbt can tell."""
        nodes = {
            unique_id: node
            for unique_id, node in self._manifest["nodes"].items()
            if node["resource_type"] in KINDS and unique_id not in self._ephemeral
        }
        names = {node["name"]: unique_id for unique_id, node in nodes.items()}
        names |= {".".join(node["fqn"]): unique_id for unique_id, node in nodes.items()}
        chosen: set[str] = set() if select else set(nodes)
        for each in select:
            unique_id = names.get(each.removeprefix("+"))
            if unique_id is None:
                return []
            before = {**nodes, **self._ephemeral} if each.startswith("+") else {}
            chosen |= {unique_id, *_reach(before, [unique_id], "nodes")}
        return [self._find(node) for name, node in nodes.items() if name in chosen]

    def find_views(self, nodes: Iterable[Rendered]) -> list[Rendered]:
        """Returns the views through which these nodes read, also views behind other views.

        What a view shows depends on more than its own statement.
        """
        views = _select(self._manifest, "view")
        chosen = {node.unique_id: self._manifest["nodes"][node.unique_id] for node in nodes}
        through = _reach({**views, **self._ephemeral, **chosen}, chosen, "nodes")
        return [self._outline(views[name]) for name in through & views.keys() - chosen.keys()]

    def describe(self, unique_id: str, statements: Sequence[str], sql: str) -> Rendered | None:
        """Returns the node with the statements that dbt sent for it; None if it is no known node.

        Leaves the statements out if they cannot be sent again.
        """
        node = self._manifest["nodes"].get(unique_id)
        if not node:
            return None
        outline = self._outline(node)
        if any(map(ASKS_THE_DATABASE.search, self._read_code(node))):
            return replace(outline, sql=sql)
        values = self._find_values(outline)
        placeholders = {literal(value): placeholder(name) for name, value in values.items()}
        kept = (fill_in(each, placeholders) for each in _filter_statements(node, statements))
        return replace(outline, statements=tuple(kept), sql=sql)

    def put(self, node: Rendered) -> None:
        with contextlib.suppress(OSError):  # a read-only installation asks dbt each time
            self._folder.mkdir(parents=True, exist_ok=True)
            kept = {"origin": node.origin, "statements": node.statements, "sql": node.sql}
            replace_file(self._path(node), json.dumps(kept))

    def _find(self, node: Mapping[str, Any]) -> Rendered:
        outline = self._outline(node)
        with contextlib.suppress(OSError, ValueError, TypeError, LookupError):
            kept = json.loads(self._path(outline).read_text("utf-8"))
            if kept["origin"] == outline.origin:
                # a seed's file may have moved since
                statements = _filter_statements(node, kept["statements"])
                return replace(outline, statements=tuple(statements), sql=kept["sql"])
        return outline

    def _path(self, node: Rendered) -> Path:
        name = digest(*self._key_parts, node.unique_id, sorted(self._find_values(node)))
        return self._folder / f"{name}.json"

    def _find_values(self, node: Rendered) -> dict[str, str]:
        """The variables that the node uses and that are given, with their values."""
        return {name: value for name in node.variables if (value := self._given.get(name))}

    def _outline(self, node: Mapping[str, Any]) -> Rendered:
        config, is_test = node.get("config", {}), node["resource_type"] == "test"
        parts, used = self._find_parts(node), self._find_variables(node)
        named = (each for part in parts for each in part["depends_on"].get("nodes", ()))
        after = tuple(each for each in named if each not in self._ephemeral)
        reads = [self._name_relation(each) for each in after]
        if any(map(_reads_files, self._read_code(node))):
            reads.append(FILES)
        return Rendered(
            unique_id=node["unique_id"],
            name=node["unique_id"] if is_test else self._name_relation(node["unique_id"]),
            selector=".".join(node["fqn"]),
            schema=node["schema"],
            relation=node.get("relation_name") or "",
            severity=str(config.get("severity", "error")).lower(),
            warn_if=str(config.get("warn_if", "")),
            after=after,
            reads=tuple(reads),
            variables=tuple(name for name in RUN_VARIABLES if name in used),
            origin=digest(self._foundation, *map(_dump_origin, parts), reads),
        )

    def _find_parts(self, node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Returns the node itself and the ephemeral models that dbt writes into it."""
        within = _reach(self._ephemeral, node["depends_on"].get("nodes", ()), "nodes")
        return [node, *(self._ephemeral[each] for each in sorted(within))]

    def _name_relation(self, unique_id: str) -> str:
        node = self._manifest["nodes"].get(unique_id) or self._manifest["sources"][unique_id]
        return f"{node['schema']}.{node.get('alias') or node['name']}"

    def _read_code(self, node: Mapping[str, Any]) -> list[str]:
        """Returns the code of the node, of its ephemeral models, and of the macros they call."""
        macros, parts = self._manifest["macros"], self._find_parts(node)
        named = (each for part in parts for each in part["depends_on"].get("macros", ()))
        called = _reach(macros, named, "macros")
        codes = (str(part.get("raw_code", "")) for part in parts)
        return [*codes, *(macros[each]["macro_sql"] for each in called)]

    def _find_variables(self, node: Mapping[str, Any]) -> set[str]:
        used = {name for code in self._read_code(node) for name in VARIABLE.findall(code)}
        if node.get("config", {}).get("materialized") == "incremental":
            used.add(SINCE)  # the incremental materialization asks for it
        return used


@cache
def _reads_files(code: str) -> bool:
    """Cached, because many nodes call the same macros and a build asks several times."""
    return bool(READS_FILES.search(code))


def _select(manifest: Mapping[str, Any], materialized: str) -> dict[str, Mapping[str, Any]]:
    return {
        name: node
        for name, node in manifest["nodes"].items()
        if node.get("config", {}).get("materialized") == materialized
    }


def _dump_origin(node: Mapping[str, Any]) -> str:
    columns = {
        name: _leave_out(DESCRIPTIVE_FIELDS, column) for name, column in node["columns"].items()
    }
    kept = _leave_out({*DESCRIPTIVE_FIELDS, *LOCATION_FIELDS}, {**node, "columns": columns})
    if node["resource_type"] == "seed":  # for a large one, dbt's checksum is that of its name
        kept["checksum"] = digest(_find_seed(node).read_bytes())
    return json.dumps(kept, sort_keys=True)


def _find_seed(node: Mapping[str, Any]) -> Path:
    return Path(node["root_path"], node["original_file_path"])


def _leave_out(names: Collection[str], of: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in of.items() if name not in names}


def _reach(within: Mapping[str, Mapping[str, Any]], start: Iterable[str], kind: str) -> set[str]:
    """Returns the nodes of `start` and all that they depend on, as far as they are in `within`."""
    found: set[str] = set()
    ahead = list(start)
    while ahead:
        each = ahead.pop()
        if each in within and each not in found:
            found.add(each)
            ahead.extend(within[each]["depends_on"].get(kind, ()))
    return found


def _filter_statements(node: Mapping[str, Any], statements: Sequence[str]) -> list[str]:
    kind = node["resource_type"]
    if kind == "seed":
        return [_write_seed(node)]
    if kind == "model":
        return [each for each in statements if not _is_left_out(each)]
    # dbt may look at the catalogue first and, if no row fails, drop the rows that it kept before
    counted = dropwhile(lambda each: COUNTING not in each, statements)
    return [each for each in counted if COUNTING in each or not _is_left_out(each)]


def placeholder(variable: str) -> str:
    """The placeholder for the variable's value in a statement."""
    return f"{{{{{variable}}}}}"


def fill_in(statement: str, values: Mapping[str, str]) -> str:
    for old, new in values.items():
        statement = statement.replace(old, new)
    return statement


def _is_left_out(statement: str) -> bool:
    after_comment = statement.partition("*/")[2] if statement.startswith("/*") else statement
    return after_comment.lstrip().lower().startswith(LEFT_OUT)


def _write_seed(node: Mapping[str, Any]) -> str:
    types = ", ".join(
        f"{literal(name)}: {literal(SEED_TYPES.get(kind, kind))}"
        for name, kind in node["config"]["column_types"].items()
    )
    options = f"header = true, types = {{{types}}}, hive_partitioning = false"
    return (
        f"create or replace table {quote(node['schema'])}.{quote(node['alias'])} as "
        f"from read_csv({literal(str(_find_seed(node)))}, {options})"
    )
