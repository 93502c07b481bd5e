"""The same pipeline made from stock parts of Dagster and dbt, as users would otherwise have it."""
