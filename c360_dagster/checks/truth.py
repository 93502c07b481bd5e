"""Reads what the simulator knows about records, people and campaigns, if it made the data."""

from datetime import date
from pathlib import Path

import polars as pl


class Truth:
    """The simulator's own files; each is read when it is asked for, and may be missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def is_known(self) -> bool:
        return (self._folder / "people.csv").exists()

    def read_identities(self) -> pl.DataFrame | None:
        """Returns source_system, source_id and person_id of every record, as text."""
        identities = self._scan("identities")
        return None if identities is None else identities.collect()

    def read_personas(self) -> pl.DataFrame | None:
        """Returns customer_id and persona; a person has a row for each id that gold may use."""
        people = self._scan("people")
        if people is None:
            return None
        personas = people.select("person_id", "persona").collect()
        return self._name_persons().join(personas, on="person_id").select("customer_id", "persona")

    def read_future(self, as_of: date) -> pl.DataFrame | None:
        """Returns person_id, customer_id, orders and spend of the twelve months after the day."""
        future = self._scan("future")
        if future is None:
            return None
        numbers = (
            future.filter(pl.col("as_of") == as_of.isoformat())
            .select("person_id", pl.col("orders").cast(pl.Int64), pl.col("spend").cast(pl.Float64))
            .collect()
        )
        return None if numbers.is_empty() else self._name_persons().join(numbers, on="person_id")

    def read_lifts(self) -> pl.DataFrame | None:
        """Returns campaign_id and the planted lift."""
        campaigns = self._scan("campaigns")
        if campaigns is None:
            return None
        return campaigns.select("campaign_id", planted=pl.col("lift").cast(pl.Float64)).collect()

    def _name_persons(self) -> pl.DataFrame:
        """Returns every id that gold may give a person: one for each of their records."""
        identities = pl.read_csv(self._folder / "identities.csv", infer_schema=False)
        prefix = pl.when(pl.col("source_system") == "crm").then(pl.lit("")).otherwise(pl.lit("wb-"))
        return identities.select("person_id", customer_id=prefix + pl.col("source_id"))

    def _scan(self, name: str) -> pl.LazyFrame | None:
        path = self._folder / f"{name}.csv"
        return pl.scan_csv(path, infer_schema=False) if path.exists() else None
