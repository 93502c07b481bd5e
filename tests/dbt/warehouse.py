"""A warehouse for tests: bronze from the contract, handmade rows, and the pipeline's own dbt.

The loader is tested elsewhere; here rows are inserted with their types, as if it had loaded them.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner, dbtRunnerResult

from c360_dagster.building.computed import create_computed
from c360_dagster.dbt_runner.build import DbtBuilder
from c360_dagster.dbt_runner.dbt_project import PROJECT, read_manifest, read_parsed
from c360_dagster.loading.schema import create_bronze
from c360_dagster.sql import transaction
from landing_contract import read_contract

LOADED_AT = datetime(2026, 2, 1, 6, 0)


@dataclass(frozen=True)
class Warehouse:
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def create_bronze(self) -> None:
        with duckdb.connect(str(self.path)) as connection:
            create_bronze(connection, read_contract().values())
            create_computed(connection)

    def land(
        self,
        table: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        known: str | None = None,
        part: str = "",
        loaded_at: datetime = LOADED_AT,
    ) -> None:
        """Inserts rows as one file of a table; `known` is the date in the file's name."""
        name = "_".join(filter(None, [table, known, part])) + ".csv"
        with duckdb.connect(str(self.path)) as connection, transaction(connection):
            for number, row in enumerate(rows, start=1):
                cells = {
                    **row,
                    "_file": name,
                    "_row": number,
                    "_known_at": date.fromisoformat(known) if known else None,
                    "_loaded_at": loaded_at,
                    "_run_id": "load",
                }
                names = ", ".join(f'"{column}"' for column in cells)
                marks = ", ".join("?" for _ in cells)
                connection.execute(
                    f"insert into bronze.{table} ({names}) values ({marks})", list(cells.values())
                )

    def resolve(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Inserts rows into an identity table, as if the resolution had written them."""
        with duckdb.connect(str(self.path)) as connection:
            for row in rows:
                marks = ", ".join("?" for _ in row)
                connection.execute(
                    f"insert into identity.{table} ({', '.join(row)}) values ({marks})",
                    list(row.values()),
                )

    def build(self, *select: str, **variables: str) -> dict[str, str]:
        """Builds the selected nodes (by default all); returns dbt's message for each failure.

        It builds as the pipeline does: what dbt rendered for one test is sent again for the next.
        """
        read_manifest()
        builder = DbtBuilder(warehouse=str(self.path))
        results = builder.build(select=select, variables=variables, scratch=self.folder / "scratch")
        return {each.unique_id: each.message for each in results if each.is_bad}

    def dbt(self, *arguments: str) -> dbtRunnerResult:
        """Runs another dbt command on the project as it was parsed before."""
        read_manifest()
        os.environ["DBT_C360_WAREHOUSE"] = str(self.path)
        try:
            return dbtRunner(manifest=read_parsed()).invoke(
                [
                    *arguments,
                    *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
                    *("--target-path", str(self.folder / "target")),
                    *("--log-path", str(self.folder / "logs"), "--quiet"),
                ]
            )
        finally:
            DuckDBConnectionManager.close_all_connections()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def gold(self) -> dict[str, list[tuple[Any, ...]]]:
        """Returns every row of every gold table, sorted."""
        tables = self.rows(
            "select table_name from information_schema.tables where table_schema = 'gold'"
        )
        return {
            name: sorted(self.rows(f"select * from gold.{name}"), key=repr) for (name,) in tables
        }
