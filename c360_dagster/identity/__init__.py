"""Finds the records that belong to one person, keeps each person's id and picks their values.

Pure: this package uses neither Dagster nor dbt, neither data files nor the clock.
"""

from c360_dagster.identity.memory import Memory
from c360_dagster.identity.records import RecordsError
from c360_dagster.identity.resolution import Resolution, resolve
from c360_dagster.identity.rules import Rules, RulesError

__all__ = ["Memory", "RecordsError", "Resolution", "Rules", "RulesError", "resolve"]
