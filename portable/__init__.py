"""Proves that the dbt models run on engines other than DuckDB; `make portable` runs this.

It needs the packages of requirements-portable.lock; no other package imports it.
"""
