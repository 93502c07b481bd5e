"""What is deleted after C360_KEEP_DAYS, and what is kept however old it is."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from c360_dagster.loading.bronze import load_table
from c360_dagster.loading.load_log import LoadRun
from c360_dagster.loading.schema import create_bronze
from c360_dagster.pruning import Pruned, prune
from c360_dagster.resources import event_log
from c360_dagster.settings import Settings, read_settings
from landing_contract import read_contract

TABLE = read_contract()["suppliers"]
START = datetime(2025, 1, 1, 6)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"C360_HOME": str(tmp_path), "C360_KEEP_DAYS": "10"})


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        create_bronze(connection, [TABLE])
        yield connection


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    ours = {"module": event_log.__name__, "class": event_log.OneEngineEventLogStorage.__name__}
    with dg.instance_for_test(
        overrides={"event_log_storage": ours}, temp_dir=str(tmp_path / "dagster")
    ) as instance:
        yield instance


def deliver(
    settings: Settings, con: duckdb.DuckDBPyConnection, day: int, files: dict[str, str]
) -> list[str]:
    """Writes the files to landing and loads it on that day; returns what became of each file."""
    for name, rows in files.items():
        path = settings.landing / TABLE.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"supplier_id,supplier_name\n{rows}")
    run = LoadRun(f"run{day}", lambda: START + timedelta(days=day), settings.scratch)
    return [load.status for load in load_table(con, settings.landing, TABLE, run).files]


def test_old_loads_are_pruned_and_their_files_not_loaded_again(
    settings: Settings, con: duckdb.DuckDBPyConnection, instance: dg.DagsterInstance
) -> None:
    deliver(settings, con, 0, {"suppliers.csv": "S1,first\n", "suppliers_a.csv": "S2,only\n"})
    deliver(settings, con, 1, {"suppliers.csv": "S1,second\n", "suppliers_b.csv": "S2,only\n"})
    (settings.landing / TABLE.folder / "suppliers.csv").write_bytes(b"supplier_name\nno key\n")
    deliver(settings, con, 2, {})
    history = "select path, status, run_id from bronze.load_log order by rowid"
    before = con.execute(history).fetchall()

    def forget(day: int) -> Pruned:
        return prune(settings, con, instance, START + timedelta(days=day), "now")

    assert forget(10).loads == 0
    assert forget(13).loads == 1, "of the first content of suppliers.csv, which bronze has lost"
    after = con.execute(history).fetchall()
    assert [row for row in before if row not in after] == [
        ("products/suppliers.csv", "loaded", "run0")
    ]
    assert ("products/suppliers.csv", "refused", "run2") in after
    deliveries = {"suppliers.csv": "S1,second\n"}
    assert deliver(settings, con, 14, deliveries) == ["unchanged", "unchanged", "repeated"]
    assert con.execute("select count(*) from bronze.suppliers").fetchall() == [(2,)]


def test_old_runs_are_pruned_with_their_folders(
    settings: Settings, con: duckdb.DuckDBPyConnection, instance: dg.DagsterInstance
) -> None:
    @dg.asset
    def often() -> None:
        pass

    @dg.asset
    def once() -> None:
        pass

    runs = [
        dg.materialize(assets, instance=instance).run_id
        for assets in ([often], [once], [often], [often])
    ]
    dagster = Path(instance.storage_directory()).parent
    assert (dagster / "storage" / runs[0]).is_dir()
    assert (dagster / "history" / "runs" / f"{runs[0]}.db").exists()
    settings = replace(settings, timezone="Pacific/Kiritimati")  # its day begins 14 hours early
    in_time = settings.now() + timedelta(days=10)  # Dagster stamps the runs with the real time
    assert prune(settings, con, instance, in_time - timedelta(hours=1), runs[3]).runs == 0
    assert prune(settings, con, instance, in_time + timedelta(hours=1), runs[2]).runs == 1
    kept = {record.dagster_run.run_id for record in instance.get_run_records()}
    assert kept == set(runs[1:]), "the last to make a table, and the one that is going, stay"
    assert {path.name for path in (dagster / "storage").iterdir()} >= kept
    assert [path.name for path in dagster.rglob(f"*{runs[0]}*")] == []
    assert instance.get_latest_materialization_event(dg.AssetKey("once"))


def test_the_last_successful_run_of_a_table_is_kept(
    settings: Settings, con: duckdb.DuckDBPyConnection, instance: dg.DagsterInstance
) -> None:
    """A run whose audience fails has published already, and deletes old runs all the same."""
    is_broken: list[bool] = []

    @dg.asset
    def audience() -> None:
        if is_broken:
            raise ValueError("no such column")

    made = dg.materialize([audience], instance=instance).run_id
    is_broken.append(True)
    failed = [
        dg.materialize([audience], instance=instance, raise_on_error=False).run_id for _ in range(2)
    ]
    in_time = datetime.now() + timedelta(days=12)  # noqa: DTZ005  runs bear the real time
    assert prune(settings, con, instance, in_time, "now").runs == 1
    kept = {record.dagster_run.run_id for record in instance.get_run_records()}
    assert kept == {made, failed[-1]}


def test_runs_in_a_users_own_instance_are_not_pruned(
    settings: Settings, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """A user's own instance may hold runs of other code, which are not ours to delete."""

    @dg.asset
    def theirs() -> None:
        pass

    (tmp_path / "their_own").mkdir()
    with dg.instance_for_test(temp_dir=str(tmp_path / "their_own")) as instance:
        for _ in range(2):
            dg.materialize([theirs], instance=instance)
        in_years = datetime.now() + timedelta(days=999)  # noqa: DTZ005  runs bear the real time
        assert prune(settings, con, instance, in_years, "now").runs == 0
        assert instance.get_runs_count() == 2


def test_leftovers_of_a_killed_run_in_scratch_are_removed(
    settings: Settings, con: duckdb.DuckDBPyConnection, instance: dg.DagsterInstance
) -> None:
    (settings.scratch / "load_abc").mkdir(parents=True)
    (settings.scratch / "load_abc" / "unpacked.csv").write_text("x")
    (settings.scratch / "spill.tmp").write_text("x")
    prune(settings, con, instance, START, "now")
    assert list(settings.scratch.iterdir()) == []
