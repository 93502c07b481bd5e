"""Compiles the dbt project for another engine, without a connection, in dependency order."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from landing_contract import PROVENANCE

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "dbt_c360"
PROFILES = PROJECT / "portable"


class NotPortableError(Exception):
    """Raised if an engine refuses a model; the text names the engine, the model and the error."""


@dataclass(frozen=True)
class Table:
    """A table that models read but do not make: a source or a seed."""

    relation: str
    columns: dict[str, str]


@dataclass(frozen=True)
class Model:
    name: str
    relation: str
    sql: str
    contract: dict[str, str] | None
    """The types of its columns, if dbt enforces them."""


@dataclass(frozen=True)
class Project:
    sources: tuple[Table, ...]
    seeds: tuple[Table, ...]
    models: tuple[Model, ...]

    @property
    def schemas(self) -> tuple[str, ...]:
        relations = [item.relation for item in (*self.sources, *self.seeds)]
        relations += [model.relation for model in self.models]
        return tuple(sorted({relation.rpartition(".")[0] for relation in relations}))


def compile_for(engine: str, folder: Path) -> Project:
    """Compiles every model into that engine's SQL, without a connection."""
    done = run_dbt("compile", engine, folder, "--no-introspect", "--no-populate-cache")
    if done.returncode:
        raise NotPortableError(f"{engine}: {failures(folder) or done.stdout.strip()}")
    return read_project(json.loads((folder / "manifest.json").read_text("utf-8")))


def run_dbt(
    command: str, engine: str, folder: Path, *options: str, profiles: Path = PROFILES
) -> subprocess.CompletedProcess[str]:
    (folder / "run_results.json").unlink(missing_ok=True)  # an earlier command's
    dbt = Path(sys.executable).with_name("dbt")
    places = ("--project-dir", str(PROJECT), "--profiles-dir", str(profiles), "--target", engine)
    outputs = ("--target-path", str(folder), "--log-path", str(folder))
    return subprocess.run(
        [str(dbt), "--quiet", command, *places, *outputs, *options],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def failures(folder: Path) -> str:
    """Returns the errors of dbt's last command by model; empty if it did not reach any model."""
    path = folder / "run_results.json"
    if not path.exists():
        return ""
    results = json.loads(path.read_text("utf-8"))["results"]
    return "\n".join(
        f"the {' '.join(result['unique_id'].split('.')[::2])} fails: {result['message']}"
        for result in results
        if result["status"] in {"error", "fail"}
    )


def read_project(manifest: dict) -> Project:
    nodes = manifest["nodes"].values()
    return Project(
        sources=tuple(_source(source) for source in manifest["sources"].values()),
        seeds=tuple(_seed(node) for node in nodes if node["resource_type"] == "seed"),
        models=tuple(_model(manifest["nodes"][key]) for key in _order(manifest)),
    )


def _order(manifest: dict) -> list[str]:
    """Returns the models' keys, each after the models that it reads, and otherwise by name."""
    waiting = {
        key: {parent for parent in node["depends_on"]["nodes"] if parent.startswith("model.")}
        for key, node in sorted(manifest["nodes"].items())
        if node["resource_type"] == "model"
    }
    ordered: list[str] = []
    while waiting:
        ready = [key for key, parents in waiting.items() if parents.isdisjoint(waiting)]
        ordered += ready
        waiting = {key: parents for key, parents in waiting.items() if key not in ready}
    return ordered


def _source(source: dict) -> Table:
    types = {name: column["data_type"] for name, column in source["columns"].items()}
    provenance = PROVENANCE if source["schema"] == "bronze" else {}
    return Table(source["relation_name"], {**types, **provenance})


def _seed(node: dict) -> Table:
    return Table(node["relation_name"], dict(node["config"]["column_types"]))


def _model(node: dict) -> Model:
    columns = {name: column["data_type"] for name, column in node["columns"].items()}
    contract = columns if node["config"]["contract"]["enforced"] else None
    return Model(node["name"], node["relation_name"], node["compiled_code"], contract)
