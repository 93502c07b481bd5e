"""The same road with Dagster's and dbt's stock parts: what a user would otherwise have."""
