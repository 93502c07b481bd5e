"""One person, one id: matches records, guards against false friends, keeps ids, picks values.

Pure: it knows nothing of Dagster, dbt, files or the clock.
"""

from c360_dagster.identity.memory import Memory
from c360_dagster.identity.records import RecordsError
from c360_dagster.identity.resolution import Resolution, resolve
from c360_dagster.identity.rules import Rules, RulesError

__all__ = ["Memory", "RecordsError", "Resolution", "Rules", "RulesError", "resolve"]
