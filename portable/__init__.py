"""Proves that the dbt models run on other engines than DuckDB: what `make portable` runs.

Needs the packages of requirements-portable.lock; nothing of the product imports it.
"""
