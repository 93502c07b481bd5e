"""A small retail world with known truth, written as the files that its systems would deliver.

Its output depends on its arguments only: it knows nothing of Dagster, DuckDB or dbt, and reads
neither the clock nor the environment.
"""

from mock_data.generation import WorldError, generate
from mock_data.landing import Result

__all__ = ["Result", "WorldError", "generate"]
