"""Checks that dbt cannot make: arrival, accounting, the quality of estimates."""
