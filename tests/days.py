"""Simulates days of a small retailer: files land, bronze loads them, dbt and identity follow."""

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

import mock_data
from c360_dagster.assets.identity import RECORDS, _add_to_history, _read_history, _write
from c360_dagster.building.changes import BuildRequest, Plan, begin_build, finish_build
from c360_dagster.building.computed import create_computed
from c360_dagster.dbt_runner.build import DbtBuilder
from c360_dagster.dbt_runner.dbt_project import read_keys, read_manifest
from c360_dagster.identity import Memory, resolve
from c360_dagster.loading.bronze import load_table
from c360_dagster.loading.load_log import LoadRun
from c360_dagster.loading.schema import create_bronze
from c360_dagster.publishing.publication import GENERATIONS, KnownTables, publish
from c360_dagster.publishing.taking_over import LastPublication
from c360_dagster.resources.registry import Registry
from landing_contract import read_contract

FIRST = date(2025, 1, 1)
PUBLICATION = {"publication", "customer_merges"}


@dataclass
class Home:
    """A `C360_HOME` in which days pass without Dagster and without science."""

    folder: Path
    customers: int = 150
    runs: int = 0
    project: str = "one"
    as_of: date | None = None
    rules: dict[str, object] = field(default_factory=dict)
    plans: list[Plan] = field(default_factory=list)

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.folder / "published" / "c360.duckdb"

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.warehouse))

    def simulate(self, until: date) -> None:
        """Delivers the simulator's new files to landing.

        The simulator works in a folder of its own: it stops if it finds files that are not its own.
        """
        shop = self.folder / "shop"
        before = set(shop.rglob("*"))
        mock_data.generate(shop, customers=self.customers, seed=7, start=FIRST, end=until)
        for file in sorted(set((shop / "landing").glob("*/*")) - before):
            target = self.landing / file.relative_to(shop / "landing")
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.is_file():
                shutil.copy(file, target)

    def load(self, day: date) -> None:
        morning = datetime.combine(day + timedelta(days=1), datetime.min.time())
        run = LoadRun(f"load {day}", lambda: morning, self.folder / "scratch")
        with self.connect() as con:
            create_bronze(con, read_contract().values())
            create_computed(con)
            for table in read_contract().values():
                load_table(con, self.landing, table, run)

    def build(self, stop_after: str | None = None) -> Plan:
        """Builds all models, with identity resolution between the two parts.

        The run ends after the model `stop_after`, as if it had been killed there.
        """
        self.runs += 1
        request = BuildRequest(f"run {self.runs}", self.project, self.as_of)
        manifest = read_manifest()
        models = {
            name: node
            for name, node in manifest["nodes"].items()
            if node["resource_type"] == "model"
        }
        before = _find_ancestors(models, "model.c360.customer_identities")
        parts = [sorted(before), sorted(models.keys() - before)]
        for number, part in enumerate(parts):
            with self.connect() as con:
                plan = begin_build(con, request, manifest, worthwhile=0)
            if number == 0:
                self.plans.append(plan)
            elif number == 1:
                self._resolve()
            seeds = ["resource_type:seed"] if number == 0 else []
            chosen = [models[name]["name"] for name in part]
            built = self._dbt(seeds + chosen, plan, stop_after)
            if stop_after in chosen:
                break
            with self.connect() as con:
                finish_build(con, request, manifest, built)
        return self.plans[-1]

    def publish(self) -> set[str]:
        """Publishes gold; returns the tables of which only the changed rows were written."""
        manifest = read_manifest()
        keys = read_keys(manifest, "gold")
        nodes = manifest["nodes"].values()
        known = KnownTables(
            {node["alias"]: frozenset() for node in nodes if node["schema"] == "gold"}, keys
        )
        folder = self.published.parent
        last = LastPublication(folder / GENERATIONS, self.published)
        with self.connect() as con:
            taken = last.find_unchanged(con, keys, keys)
            publish(con, folder, run=f"run {self.runs}", known=known)
        return set(taken.changed)

    def _dbt(self, chosen: list[str], plan: Plan, stop_after: str | None) -> list[str]:
        building = DbtBuilder(warehouse=str(self.warehouse)).build(
            select=chosen,
            variables={
                "since": plan.since.isoformat() if plan.since else None,
                "as_of": self.as_of.isoformat() if self.as_of else None,
            },
            scratch=self.folder / "scratch",
        )
        results = []
        for result in building:
            results.append(result)
            if result.unique_id == f"model.c360.{stop_after}":
                building.close()  # type: ignore[attr-defined] # it is a generator
        bad = [(result.unique_id, result.message) for result in results if result.is_bad]
        assert bad == []
        return [result.unique_id for result in results if result.status == "success"]

    def _resolve(self) -> None:
        registry = Registry(self.folder / "registry")
        known = registry.read()
        with self.connect() as con:
            records = con.sql(RECORDS).pl()
            ((as_of,),) = con.execute("select as_of_date from silver.int_data_clock").fetchall()
            previous = Memory.from_frames(known.frames) if known else None
            found = resolve(records, previous=previous, rules=self.rules)
            history = _add_to_history(_read_history(known, con), found, as_of)
            frames = {**found.memory.frames(), "history": history}
            registry.write(known.number + 1 if known else 1, as_of, frames)
            _write(con, found, history, previous)

    def rebuilt(self, folder: Path) -> "Home":
        """Returns a copy in which everything after bronze is rebuilt; it keeps the registry."""
        shutil.copytree(self.folder, folder)
        copy = Home(folder, self.customers, as_of=self.as_of, rules=self.rules)
        with copy.connect() as con:
            for schema in ("changes", "gold", "identity", "science", "silver"):
                con.execute(f"drop schema if exists {schema} cascade")
            create_computed(con)
        copy.build()
        return copy

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.connect() as con:
            return con.execute(query).fetchall()


def differing_tables(left: Home, right: Home) -> dict[str, int]:
    """Returns the gold and silver tables that differ in any cell, with how many rows differ."""
    return differing_in_files(left.warehouse, right.warehouse)


def differing_in_files(left: Path, right: Path) -> dict[str, int]:
    """Compares two DuckDB files in the same way, but only the tables that the second one has."""
    found = {}
    with duckdb.connect() as con:
        con.execute(f"attach '{left}' as lefts (read_only)")
        con.execute(f"attach '{right}' as rights (read_only)")
        for schema, name in con.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'rights' "
            "and schema_name in ('gold', 'silver')"
        ).fetchall():
            columns = [
                column
                for (column,) in con.execute(
                    "select column_name from duckdb_columns() where database_name = 'rights' "
                    "and schema_name = ? and table_name = ? order by column_index",
                    [schema, name],
                ).fetchall()
                if column != "match_probability"
            ]
            one, other = (
                f"select {', '.join(columns)} from {side}.{schema}.{name}"
                for side in ("lefts", "rights")
            )
            ((count,),) = con.execute(
                f"select count(*) from (({one} except all {other}) "
                f"union all ({other} except all {one}))"
            ).fetchall()
            if count and name not in PUBLICATION:
                found[f"{schema}.{name}"] = count
    return found


def rewrite(
    path: Path, target: Path, change: Callable[[dict[str, str]], dict[str, str] | None]
) -> None:
    """Passes each row of a file to `change` and writes the rows that it returns to `target`."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = [changed for row in reader if (changed := change(dict(row)))]
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(rows)


def _find_ancestors(models: dict[str, dict[str, object]], name: str) -> set[str]:
    """Returns all models that this model is built from, directly or indirectly."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        node = models[waiting.pop()]
        parents = [each for each in node["depends_on"]["nodes"] if each in models]  # type: ignore[index]
        waiting += [each for each in parents if each not in found]
        found |= set(parents)
    return found
