"""A small retail world with known truth, written as the files that its systems would deliver.

Pure: it knows nothing of Dagster, DuckDB or dbt, and asks neither the clock nor the environment.
"""

from mock_data.generation import WorldError, generate
from mock_data.landing import Result

__all__ = ["Result", "WorldError", "generate"]
