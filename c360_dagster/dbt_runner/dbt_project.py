"""Parses the dbt project, again when it is stale, and reads what it says about tables.

The result is kept in dbt's target folder, with a stamp of everything that it was parsed from.
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from c360_dagster.building.marks import digest, digest_sources
from c360_dagster.resources.atomic_files import replace_file
from c360_dagster.settings import set_dbt_warehouse

PROJECT = Path(__file__).parents[2] / "dbt_c360"
TARGET = PROJECT / "target"
STAMP = "manifest.stamp"
"""Holds the digest of what was parsed and the folder it was in, where dbt looks for the seeds."""
PARSED = ("manifest.json", "partial_parse.msgpack")
LIBRARIES = ("dbt-core", "dbt-duckdb")
QUIET_OPTIONS = ("--quiet", "--log-level", "none")
WATCHED = {".sql", ".yml", ".yaml", ".csv", ".md"}
WRITTEN = {"target", "logs"}

Manifest = Mapping[str, Any]
"""The project as dbt parsed it: the content of manifest.json."""


class DbtError(RuntimeError):
    """Raised if dbt cannot parse, start or finish; the message has what dbt said."""


def read_manifest() -> Manifest:
    """Returns the project's manifest; parses the project if it is missing, stale or broken."""
    digest = digest_project()
    with contextlib.suppress(OSError, ValueError):
        if _read_stamp() == (digest, str(PROJECT)):
            return read_known(digest)
    return _parse_project(digest)


@lru_cache(maxsize=1)
def read_known(stamp: str) -> Manifest:  # noqa: ARG001  the key of the cache
    """Returns the manifest that was parsed under that stamp; reads it once in a process."""
    manifest: Manifest = json.loads((TARGET / PARSED[0]).read_text("utf-8"))
    return manifest


def _parse_project(digest: str) -> Manifest:
    """Parses into a temporary folder and moves the files into place, so two at once are safe.

    Always parses everything: if dbt parses only changes, tests in files lose their descriptions.
    """
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  a second of imports, only where needed

    with tempfile.TemporaryDirectory(prefix="c360_dbt_") as folder:
        result = dbtRunner().invoke(["parse", *QUIET_OPTIONS, *folder_options(Path(folder))])
        if not result.success:
            raise DbtError(
                f"The dbt project in {PROJECT.name}/ cannot be parsed, so there is no graph to "
                f"show: {result.exception}. Correct the file that it names, and try again."
            )
        text = (Path(folder) / PARSED[0]).read_text("utf-8")
        with contextlib.suppress(OSError):  # a read-only installation parses each time
            TARGET.mkdir(exist_ok=True)
            for name in PARSED:
                replace_file(TARGET / name, (Path(folder) / name).read_bytes())
            replace_file(TARGET / STAMP, f"{digest}\n{PROJECT}")
    manifest: Manifest = json.loads(text)
    return manifest


def digest_project() -> str:
    """A digest that changes with every file of the project and with the versions that read it."""
    files = (
        path
        for part in PROJECT.iterdir()
        if part.name not in WRITTEN
        for path in (part.rglob("*") if part.is_dir() else [part])
        if path.suffix in WATCHED
    )
    return digest_sources(PROJECT, files, ("dagster-dbt", *LIBRARIES))


def digest_foundation(manifest: Manifest) -> str:
    """A digest of what every node is rendered with: settings, library versions and macros.

    It also covers which models are incremental, because macros ask that about other nodes.
    """
    settings = digest_sources(PROJECT, PROJECT.glob("*.yml"), LIBRARIES)
    macros = {
        unique_id: macro["macro_sql"]
        for unique_id, macro in manifest["macros"].items()
        if macro["package_name"] == manifest["metadata"]["project_name"]
    }
    continued = [
        unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["config"].get("materialized") == "incremental"
    ]
    return digest(settings, sorted(macros.items()), sorted(continued))


def read_stamp() -> str:
    """Returns the digest of the project that was parsed; empty if none was."""
    with contextlib.suppress(OSError):
        return _read_stamp()[0]
    return ""


def _read_stamp() -> tuple[str, str]:
    digest, _, place = (TARGET / STAMP).read_text("utf-8").partition("\n")
    return digest, place


def read_parsed() -> Any:  # noqa: ANN401  dbt has no types
    """Returns the project as parsed before; None if it is unreadable, so that dbt parses anew."""
    from dbt.contracts.graph.manifest import Manifest  # noqa: PLC0415  slow import

    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        manifest = Manifest.from_msgpack((TARGET / PARSED[1]).read_bytes())
        manifest.build_flat_graph()
        return manifest
    return None


def folder_options(target: Path) -> list[str]:
    return [
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        *("--target-path", str(target), "--log-path", str(target)),
    ]


def is_personal(column: Mapping[str, Any]) -> bool:
    """Whether the manifest marks the column as personal data."""
    meta: Mapping[str, Any] = (column.get("config") or {}).get("meta") or column.get("meta") or {}
    return bool(meta.get("pii"))


def read_keys(manifest: Manifest, schema: str) -> dict[str, str]:
    """Returns the unique key of each incremental table in the schema, by the table's name."""
    keys = {
        node["alias"]: node["config"]["unique_key"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["schema"] == schema
        and node["config"]["materialized"] == "incremental"
    }
    return {name: key if isinstance(key, str) else ", ".join(key) for name, key in keys.items()}


def write_static_docs(warehouse: Path, folder: Path) -> Path:
    """Writes dbt's documentation as one page that opens without a server."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  a second of imports, only where needed

    set_dbt_warehouse(str(warehouse))
    read_manifest()
    with tempfile.TemporaryDirectory(prefix="c360_docs_") as target:
        try:
            result = dbtRunner(manifest=read_parsed()).invoke(
                ["docs", "generate", "--static", *QUIET_OPTIONS, *folder_options(Path(target))]
            )
        finally:
            DuckDBConnectionManager.close_all_connections()
        if not result.success:
            raise DbtError(f"The page could not be written: {result.exception}")
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / "index.html"
        shutil.copyfile(Path(target) / "static_index.html", page)
    return page
