"""Lineage is kept: each query is traced once, and again if the result may differ."""

from pathlib import Path
from typing import Any

import pytest

from c360_dagster.dbt_runner import dbt_project, lineage_cache
from c360_dagster.dbt_runner.invocation import NodeResult
from c360_dagster.dbt_runner.lineage_cache import LineageCache

A, B = "model.ours.a", "model.ours.b"
RESULT = NodeResult(A, "success", "OK", 0.1, None, sql="select * from s.b")


def open_cache(*columns: str) -> LineageCache:
    """Returns what is known of a project in which `a` reads `b`, which has these columns."""
    declared: dict[str, Any] = {"n": {}}
    nodes = {
        A: {"schema": "s", "alias": "a", "columns": declared, "depends_on": {"nodes": [B, "gone"]}},
        B: {"schema": "s", "alias": "b", "columns": dict.fromkeys(columns), "depends_on": {}},
    }
    return LineageCache({"nodes": nodes, "sources": {}, "metadata": {"adapter_type": "duckdb"}})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(dbt_project, "TARGET", tmp_path)
    return tmp_path


def test_a_query_is_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_cache("n")
    assert not first.knows(RESULT)
    assert first.find(RESULT) == {}
    first.trace([RESULT])
    assert first.find(RESULT) == {"n": [("s", "b", "n")]}
    monkeypatch.setattr("c360_dagster.dbt_runner.tracing.trace_columns", None)
    later = open_cache("n")
    assert later.knows(RESULT)
    later.trace([RESULT])
    assert [tuple(each) for each in later.find(RESULT)["n"]] == [("s", "b", "n")]


def test_a_seed_has_no_query_to_trace(folder: Path) -> None:
    seed = NodeResult("seed.ours.s", "success", "OK", 0.1, None)
    assert open_cache("n").knows(seed)
    open_cache("n").trace([seed])
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("other", ["query", "columns", "tracer", "what is kept is spoilt"])
def test_a_changed_input_is_traced_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    open_cache("n").trace([RESULT])
    result, columns = RESULT, ["n"]
    if other == "query":
        result = NodeResult(A, "success", "OK", 0.1, None, sql="select n from s.b")
    elif other == "columns":
        columns = ["n", "m"]
    elif other == "tracer":
        monkeypatch.setattr(lineage_cache, "_digest_tracer", lambda: "a newer version")
    else:
        (folder / lineage_cache.FILE).write_text("{")
    later = open_cache(*columns)
    assert not later.knows(result)
    later.trace([result])
    assert list(later.find(result)) == columns


def test_removed_nodes_are_not_kept(folder: Path) -> None:
    known = open_cache("n")
    known.trace([RESULT, NodeResult("model.ours.old", "success", "OK", 0.1, None, sql="select 1")])
    assert "model.ours.old" in (folder / lineage_cache.FILE).read_text()
    changed = NodeResult(A, "success", "OK", 0.1, None, sql="select n from s.b")
    open_cache("n").trace([changed])
    assert "model.ours.old" not in (folder / lineage_cache.FILE).read_text()
    (folder / lineage_cache.FILE).unlink()
    (folder / lineage_cache.FILE).mkdir()
    open_cache("n").trace([RESULT])
