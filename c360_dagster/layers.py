"""The layers of the road, once: what each is called, who owns it, how its assets are drawn.

Freshness windows join this table when schedules watch over them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    name: str
    """Schema in the warehouse, first part of every asset key, and group in the graph."""
    owner: str
    kinds: frozenset[str]
    meaning: str


LANDING = Layer("landing", "team:data-engineering", frozenset({"csv"}), "files as they arrive")
BRONZE = Layer("bronze", "team:data-engineering", frozenset({"duckdb"}), "typed rows, nothing lost")

SILVER = Layer("silver", "team:analytics-engineering", frozenset({"dbt", "duckdb"}), "clean rows")
IDENTITY = Layer("identity", "team:data-science", frozenset({"polars", "duckdb"}), "who is who")
GOLD = Layer("gold", "team:analytics-engineering", frozenset({"dbt", "duckdb"}), "what people use")
SCIENCE = Layer("science", "team:data-science", frozenset({"polars", "duckdb"}), "estimates")
PUBLISHED = Layer(
    "published", "team:analytics-engineering", frozenset({"duckdb", "parquet"}), "files to open"
)

LAYERS = (LANDING, BRONZE, SILVER, IDENTITY, GOLD, SCIENCE, PUBLISHED)
