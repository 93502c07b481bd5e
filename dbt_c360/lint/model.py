"""Stands in for dbt's `model`: sqlfluff lints the SQL that a full build would run."""

config = {"materialized": "table"}
