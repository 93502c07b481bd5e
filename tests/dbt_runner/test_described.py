"""What is kept of a node that dbt built is enough to do the same again, and nothing more."""

from pathlib import Path

from c360_dagster.dbt_runner.rendered import StatementCache

COUNT = "select count(*) as failures, count(*) != 0 as should_warn, false as should_error from x"
KEEP = ["BEGIN", "create or replace table test_failures.t as (select 1)", "COMMIT"]
TEST = {"unique_id": "test.c360.t", "resource_type": "test", "name": "t", "fqn": ["c360", "t"],
        "schema": "test_failures", "columns": {}, "config": {"severity": "warn"},
        "depends_on": {"nodes": ["model.c360.x"]}}  # fmt: skip
MODEL = {"schema": "silver", "alias": "x"}
MANIFEST = {"nodes": {"model.c360.x": MODEL, "test.c360.t": TEST}, "macros": {}}


def test_the_table_of_failures_is_not_dropped_after_it_is_recreated(tmp_path: Path) -> None:
    """When a test passes, dbt drops the rows kept before. Sent again, that could drop new ones."""
    dropped = "/* of dbt */\n\n  drop table if exists test_failures.t cascade"
    cache = StatementCache(MANIFEST, tmp_path, foundation="", database="warehouse", given={})
    passed = cache.describe("test.c360.t", ["select 'the catalogue'", COUNT, dropped], "")
    assert passed
    assert passed.statements == (COUNT,)
    failed = cache.describe("test.c360.t", [COUNT, *KEEP], "")
    assert failed
    assert failed.statements == (COUNT, *KEEP)
