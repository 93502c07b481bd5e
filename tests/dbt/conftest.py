"""What several tests of the dbt project look at: its manifest, every model compiled offline."""

import json
from pathlib import Path
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from c360_dagster.resources.dbt import PROJECT


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    target = tmp_path_factory.mktemp("manifest")
    read: dict[str, Any] = json.loads(compile_project(target).read_text("utf-8"))
    return read


def compile_project(target: Path) -> Path:
    folders = ("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT))
    outputs = ("--target-path", str(target), "--log-path", str(target), "--quiet")
    offline = ("--no-introspect", "--no-populate-cache")
    assert dbtRunner().invoke(["compile", *offline, *folders, *outputs]).success
    return target / "manifest.json"
