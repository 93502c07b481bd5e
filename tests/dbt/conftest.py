"""The dbt project's manifest, with every model compiled offline, for several tests."""

import json
from pathlib import Path
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from c360_dagster.dbt_runner.dbt_project import PROJECT, read_manifest, read_parsed
from tests.pipeline_runs import make_once


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = make_once(tmp_path_factory, "compiled", compile_project)
    read: dict[str, Any] = json.loads((target / "manifest.json").read_text("utf-8"))
    return read


def compile_project(target: Path) -> None:
    read_manifest()
    folders = ("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT))
    outputs = ("--target-path", str(target), "--log-path", str(target), "--quiet")
    offline = ("--no-introspect", "--no-populate-cache")
    runner = dbtRunner(manifest=read_parsed())
    assert runner.invoke(["compile", *offline, *folders, *outputs]).success
