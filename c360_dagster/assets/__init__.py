"""Thin assets, in the order of the road: landing, bronze, dbt."""
