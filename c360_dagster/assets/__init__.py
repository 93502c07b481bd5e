"""The steps of the road as thin assets, each numbered in its first line, and what serves them.

dbt_results.py, describe.py and keeping.py are no steps: they put into Dagster's words what a step
did, and tell again what stands.
"""
