"""The steps of the pipeline as thin assets, each numbered in its first line, and what they share.

dbt_results.py, describe.py and repeating.py are not steps: they report to Dagster what a step did,
or repeat the report of a step that has nothing to do.
"""
