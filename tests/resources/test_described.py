"""What is remembered of a node that dbt built: enough to do the same again, and nothing else."""

from c360_dagster.resources.rendered import describe

COUNT = "select count(*) as failures, count(*) != 0 as should_warn, false as should_error from x"
KEEP = ["BEGIN", "create or replace table test_failures.t as (select 1)", "COMMIT"]
NODE = {"unique_id": "test.c360.t", "resource_type": "test", "fqn": ["c360", "t"],
        "schema": "test_failures", "config": {"severity": "warn"},
        "depends_on": {"nodes": ["model.c360.x"]}}  # fmt: skip
MANIFEST = {"nodes": {"model.c360.x": {"schema": "silver", "alias": "x"}}}


def test_rows_that_are_dropped_once_are_not_dropped_when_they_come_back() -> None:
    """Where a test passes, dbt drops what was kept before; where it fails again, that is no way."""
    dropped = "/* of dbt */\n\n  drop table if exists test_failures.t cascade"
    passed = describe(MANIFEST, NODE, ["select 'the catalogue'", COUNT, dropped], "", {})
    assert passed.statements == (COUNT,)
    failed = describe(MANIFEST, NODE, [COUNT, *KEEP], "", {})
    assert failed.statements == (COUNT, *KEEP)
