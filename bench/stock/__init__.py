"""The same pipeline with stock parts of Dagster and dbt: what a user would otherwise have."""
