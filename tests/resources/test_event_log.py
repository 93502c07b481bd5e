"""The faster event log: Dagster's own class reads back exactly what was written to it."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._cli.utils import get_temporary_instance_for_cli
from dagster._core.storage.event_log import EventLogStorage, SqliteEventLogStorage

from c360_dagster.home import prepare_dagster_home
from c360_dagster.resources.event_log import OPEN_FILES, OneEngineEventLogStorage
from c360_dagster.settings import REPOSITORY, read_settings

PLANNED = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
}


@dg.asset
def number() -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=number)
def is_small() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def run_once(home: Path) -> str:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        result = dg.materialize([number, is_small], instance=instance)
        assert result.success
        return result.run_id


def read_types(log: EventLogStorage, run_id: str) -> list[str]:
    events = [each.dagster_event for each in log.get_logs_for_run(run_id)]
    return [event.event_type_value for event in events if event]


def test_commands_use_this_log_and_dagsters_own_class_can_read_it(tmp_path: Path) -> None:
    settings = read_settings({"C360_HOME": str(tmp_path)})
    prepare_dagster_home(settings)
    run_id = run_once(settings.dagster_home)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        assert isinstance(instance.event_log_storage, OneEngineEventLogStorage)
        told = read_types(instance.event_log_storage, run_id)
        with ThreadPoolExecutor(1) as pool:  # in another thread, as the server reads
            assert pool.submit(read_types, instance.event_log_storage, run_id).result() == told
        assert instance.get_latest_materialization_event(number.key)
    stock = SqliteEventLogStorage(str(settings.dagster_home / "history" / "runs"))
    kept = read_types(stock, run_id)
    assert kept == told
    assert "ASSET_MATERIALIZATION" in kept
    assert "ASSET_CHECK_EVALUATION" in kept


def test_deleting_a_run_deletes_its_check_results_except_the_last(tmp_path: Path) -> None:
    settings = read_settings({"C360_HOME": str(tmp_path)})
    prepare_dagster_home(settings)
    is_broken: list[bool] = []

    def define(table: str, *checks: str) -> dg.AssetsDefinition:
        @dg.asset(name=table, check_specs=[dg.AssetCheckSpec(each, asset=table) for each in checks])
        def make() -> dg.MaterializeResult:
            if is_broken:
                raise ValueError(table)
            results = [dg.AssetCheckResult(check_name=each, passed=True) for each in checks]
            return dg.MaterializeResult(check_results=results)

        return make

    tables = [define("till", "is_small", "is_whole"), define("web", "is_small")]
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        log = instance.event_log_storage
        runs = [dg.materialize(tables, instance=instance).run_id for _ in range(3)]
        is_broken.append(True)  # the next run fails, so its checks are only planned
        runs.append(dg.materialize(tables, instance=instance, raise_on_error=False).run_id)
        for run_id in (runs[0], runs[2]):
            instance.delete_run(run_id)
        for key in [key for table in tables for key in table.check_keys]:
            answers = log.get_asset_check_execution_history(key, limit=9)
            assert [each.run_id for each in answers] == [runs[3], runs[2], runs[1]], key
        made = instance.fetch_materializations(dg.AssetKey("till"), limit=9).records
    assert [each.run_id for each in made] == [runs[1]]


def test_the_log_lies_in_dagsters_temporary_folder_without_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(REPOSITORY / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with get_temporary_instance_for_cli() as instance:
        log = instance.event_log_storage
        assert isinstance(log, OneEngineEventLogStorage)
        again = DagsterInstance.from_ref(instance.get_ref())  # as the server's other processes do
        run_id = dg.materialize([number], instance=instance).run_id
        assert read_types(again.event_log_storage, run_id) == read_types(log, run_id) != []
        again.dispose()
    assert [path.name for path in tmp_path.iterdir()] == ["dagster.yaml"]


def test_a_table_is_checked_for_until_it_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def look(_log: EventLogStorage, name: str) -> bool:
        looks.append(name)
        return len(looks) > 1

    monkeypatch.setattr(SqliteEventLogStorage, "has_table", look)
    log = OneEngineEventLogStorage()
    assert [log.has_table("asset_check_executions") for _ in range(4)] == [False, True, True, True]
    assert len(looks) == 2


def test_a_column_is_checked_for_until_it_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that an older Dagster began lacks some columns until somebody migrates it."""
    looks = []

    def look(_log: EventLogStorage, _con: object, name: str) -> bool:
        looks.append(name)
        return len(looks) > 1

    monkeypatch.setattr(SqliteEventLogStorage, "_has_asset_key_col_on_connection", look)
    log = OneEngineEventLogStorage()
    monkeypatch.setattr(log, "index_connection", nullcontext)
    assert [log.has_asset_key_index_cols() for _ in range(4)] == [False, True, True, True]
    assert len(looks) == 2


def test_asset_records_equal_those_of_dagsters_own_class(tmp_path: Path) -> None:
    settings = read_settings({"C360_HOME": str(tmp_path)})
    prepare_dagster_home(settings)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        stock = SqliteEventLogStorage(str(settings.dagster_home / "history" / "runs"))

        def ask(key: dg.AssetKey = number.key) -> list[str | None]:
            """Returns the run that last made the asset; Dagster's own class must agree."""
            told = instance.event_log_storage.get_asset_records([key])
            assert told == stock.get_asset_records([key])
            made = [each.asset_entry.last_materialization for each in told]
            return [each and each.run_id for each in made]

        assert ask() == []
        never_made = dg.AssetKey("never_made")
        instance.report_runless_asset_event(dg.AssetObservation(never_made))
        assert ask(never_made) == [None]
        own = dg.materialize([number, is_small], instance=instance).run_id
        assert ask() == ask() == [own]
        other = run_once(settings.dagster_home)  # with its own log object, like another process
        assert ask() == [other]
        instance.wipe_assets([number.key])
        assert ask() == []
        instance.report_runless_asset_event(dg.AssetObservation(number.key))
        assert ask() == [None]  # observed, but never made since
        anew = dg.materialize([number], instance=instance).run_id
        assert ask() == [anew]


def read_rows(folder: Path) -> list[tuple[object, ...]]:
    """Returns all that a log's files hold on assets and checks, with numbers and times."""
    rows: list[tuple[object, ...]] = []
    for path in sorted(folder.rglob("*.db")):
        with closing(sqlite3.connect(path)) as con:
            events = con.execute("select * from event_logs order by id").fetchall()
            assets = con.execute(
                "select asset_key, last_run_id, last_materialization_timestamp from asset_keys"
            ).fetchall()
            checks = con.execute(
                "select asset_key, check_name, partition, run_id, execution_status, "
                "evaluation_event, evaluation_event_timestamp, evaluation_event_storage_id, "
                "materialization_event_storage_id from asset_check_executions order by id"
            ).fetchall()
            rows.append((path.name, events, sorted(assets), checks))
    return rows


def test_planned_events_are_written_together_as_dagsters_own_class_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = read_settings({"C360_HOME": str(tmp_path)})
    prepare_dagster_home(settings)
    by_itself = []
    store = OneEngineEventLogStorage.store_event

    def note(log: OneEngineEventLogStorage, event: dg.EventLogEntry) -> None:
        by_itself.append(event.dagster_event_type)
        store(log, event)

    monkeypatch.setattr(OneEngineEventLogStorage, "store_event", note)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        runs = [dg.materialize([number, is_small], instance=instance).run_id for _ in range(3)]
        plans = [instance.all_logs(run_id, of_type=PLANNED) for run_id in runs[:2]]
        parts = [[each for each in plans[1] if each.dagster_event_type is kind] for kind in PLANNED]
        everything = instance.all_logs(runs[2])
    assert [{each.dagster_event_type for each in plan} for plan in plans] == [PLANNED, PLANNED]
    assert dg.DagsterEventType.STEP_SUCCESS in by_itself
    assert not PLANNED.intersection(by_itself)

    anew = read_settings({"C360_HOME": str(tmp_path / "anew")})
    prepare_dagster_home(anew)
    stock = SqliteEventLogStorage(str(tmp_path / "stock"))
    with dg.DagsterInstance.from_config(str(anew.dagster_home)) as instance:
        for batch in (plans[0], *parts, everything):  # only plans are written in our way
            instance.event_log_storage.store_event_batch(batch)
            for event in batch:
                stock.store_event(event)
    stock.dispose()
    rows = read_rows(anew.dagster_home / "history" / "runs")
    assert rows == read_rows(tmp_path / "stock")
    assert [name for name, *_ in rows] == sorted(["index.db", *(f"{run}.db" for run in runs)])


def test_only_the_last_files_stay_open(tmp_path: Path) -> None:
    settings = read_settings({"C360_HOME": str(tmp_path)})
    prepare_dagster_home(settings)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        keep_few_open(instance.event_log_storage)


def keep_few_open(log: EventLogStorage) -> None:
    assert isinstance(log, OneEngineEventLogStorage)
    for number_ in range(OPEN_FILES + 5):
        assert list(log.get_logs_for_run(f"run{number_}")) == []
    assert len(log._connections) == OPEN_FILES
    log.dispose()
    assert log._connections == {}


def test_the_log_works_while_another_disk_is_full() -> None:
    """SQLite sorts a run's plan in a file in TMPDIR, unless it is told to use memory."""
    with dg.instance_for_test(
        overrides={"event_log_storage": {
            "module": OneEngineEventLogStorage.__module__,
            "class": OneEngineEventLogStorage.__name__,
        }}
    ) as instance:  # fmt: skip
        log = instance.event_log_storage
        assert isinstance(log, OneEngineEventLogStorage)
        with log.index_connection() as con:
            memory = 2
            assert con.exec_driver_sql("pragma temp_store").scalar() == memory
