"""A past day is recorded as the pipeline computed it on that day, whatever has come since."""

import hashlib
import shutil
import subprocess
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from c360_dagster.__main__ import read_days
from c360_dagster.assets.audiences import load_audiences
from c360_dagster.building.computed import create_computed
from c360_dagster.dbt_runner.build import DbtBuilder
from c360_dagster.definitions import build_definitions
from c360_dagster.history.backfill import build_backfill
from c360_dagster.history.days import KEY, Day, History, HistoryError
from c360_dagster.history.past import Past, open_past
from c360_dagster.loading.schema import create_bronze
from c360_dagster.resources.lock import HomeLock
from c360_dagster.resources.warehouse import Warehouse
from c360_dagster.settings import REPOSITORY, Settings, SettingsError, read_settings
from landing_contract import read_contract
from tests.pipeline_runs import A_MONTH_LATER, SMALL, call, copy_home, rows

BEFORE, FIRST, LAST = "2025-03-30", SMALL["C360_END_DATE"], A_MONTH_LATER
MOVED = ("persona", "rfm_segment")


def digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@pytest.fixture(scope="module")
def home(
    home_after_first_run: Path,
    home_after_second_run: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A home after a run on the first day and, when later files had come, one on the last."""
    home = copy_home(home_after_second_run, tmp_path_factory.mktemp("home"))
    for day, then in ((FIRST, home_after_first_run), (LAST, home_after_second_run)):
        published = then / "published" / "parquet" / "mart_customer_360.parquet"
        shutil.copy(published, home / f"said_on_{day}.parquet")
        members = then / "history" / "audiences" / f"{day}.parquet"
        shutil.copy(members, home / f"members_on_{day}.parquet")
    return home


@pytest.fixture(scope="module")
def backfilled(home: Path) -> Path:
    """The same home after one backfill of the first day and the day before it."""
    kept = {name: digest(home / name) for name in ("registry", "published")}
    for path in (home / "history").glob(f"*/{FIRST}*"):
        path.write_bytes(b"what is replaced")
    done = call(
        home, "c360_dagster", "backfill", "--from", BEFORE, "--to", FIRST, C360_END_DATE=LAST
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name: digest(home / name) for name in kept} == kept
    return home


def history_of(home: Path) -> History:
    return History(home / "history" / "customer_360")


def settings_of(home: Path) -> Settings:
    return read_settings(SMALL | {"C360_HOME": str(home), "C360_END_DATE": LAST})


def warehouse_of(settings: Settings) -> Warehouse:
    return Warehouse(path=str(settings.warehouse), scratch=str(settings.scratch))


def test_a_run_records_its_own_day(home: Path) -> None:
    recorded = pl.read_parquet(history_of(home).folder / f"{LAST}.parquet")
    said = pl.read_parquet(home / f"said_on_{LAST}.parquet")
    assert_frame_equal(recorded, said, check_row_order=False)
    assert recorded.height > 90


def test_segment_changes_are_counted_from_the_recorded_days(home: Path) -> None:
    before, after = (pl.read_parquet(home / f"said_on_{day}.parquet") for day in (FIRST, LAST))
    both = before.join(after, on="customer_id", suffix="_after")
    moved = {
        row["customer_id"]: tuple(row[name] for name in (*MOVED, *(f"{m}_after" for m in MOVED)))
        for row in both.to_dicts()
        if any(row[name] != row[f"{name}_after"] for name in MOVED)
    }
    told = rows(
        home,
        "select customer_id, persona_before, rfm_segment_before, persona_after,"
        " rfm_segment_after, month from gold.segment_migrations",
    )
    assert {row[0]: row[1:5] for row in told} == moved
    assert {row[5] for row in told} == {LAST[:7]}
    assert len(told) == len(moved) > 5


def test_a_past_day_equals_what_the_run_said_on_that_day(backfilled: Path) -> None:
    """It is the same cell by cell, although files, people and ids have come since."""
    recorded = pl.read_parquet(history_of(backfilled).folder / f"{FIRST}.parquet")
    said = pl.read_parquet(backfilled / f"said_on_{FIRST}.parquet")
    assert_frame_equal(recorded, said.sort("customer_id"))
    later = pl.read_parquet(backfilled / f"said_on_{LAST}.parquet")
    assert set(later["customer_id"]) > set(said["customer_id"])


def test_past_audiences_equal_those_of_the_run_on_that_day(backfilled: Path) -> None:
    kept = backfilled / "history" / "audiences"
    said = backfilled / f"members_on_{FIRST}.parquet"
    assert (kept / f"{FIRST}.parquet").read_bytes() == said.read_bytes()
    members = pl.concat(pl.read_parquet(path) for path in sorted(kept.glob("*.parquet")))
    by_day = {
        key: set(frame["customer_id"].drop_nulls())
        for key, frame in members.group_by("audience", "as_of_date")
    }
    for name, day, before in rows(
        backfilled, "select distinct audience, as_of_date, before_date from gold.audience_changes"
    ):
        changes = rows(
            backfilled,
            "select change, customer_id from gold.audience_changes "
            f"where audience = '{name}' and as_of_date = date '{day}'",
        )
        now, then = by_day[name, day], by_day[name, before]
        assert set(changes) == {("entered", each) for each in now - then} | {
            ("left", each) for each in then - now
        }
    declared = {each.name for each in load_audiences(settings_of(backfilled))}
    assert {name for name, _ in by_day} == declared


def test_each_day_is_there_once_and_the_warehouse_is_as_it_was(backfilled: Path) -> None:
    days = [BEFORE, FIRST, LAST]
    assert rows(
        backfilled,
        "select as_of_date::text from gold.customer_360_history group by all "
        "having count(*) = count(distinct customer_id) order by 1",
    ) == [(day,) for day in days]
    assert rows(backfilled, "select distinct as_of_date::text from gold.mart_customer_360") == [
        (LAST,)
    ]
    assert [path.name for path in (backfilled / "dagster" / "scratch").iterdir()] == []


def test_dagster_lists_the_days_of_runs_and_of_the_backfill(backfilled: Path) -> None:
    with dg.DagsterInstance.from_config(str(backfilled / "dagster")) as instance:
        days = instance.get_materialized_partitions(KEY)
    assert days == {BEFORE, FIRST, LAST}


def test_dagster_lists_recorded_days_whose_runs_are_forgotten(home: Path, tmp_path: Path) -> None:
    """The log is empty and knows no day, while the folder has two or more."""
    home = copy_home(home, tmp_path / "home")
    job = build_definitions(settings_of(home)).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        published = dg.AssetKey(["published", "c360"])
        assert job.execute_in_process(instance=instance, asset_selection=[published]).success
        days = {path.stem for path in history_of(home).folder.glob("*.parquet")}
        assert instance.get_materialized_partitions(KEY) == days > {LAST}


def test_the_ends_of_months_are_published(home: Path) -> None:
    with duckdb.connect(str(home / "published" / "c360.duckdb"), read_only=True) as con:
        query = "select distinct as_of_date::text from gold.customer_360_history order by 1"
        assert con.execute(query).fetchall() == [(FIRST,), (LAST,)]


def test_impossible_days_are_refused_before_any_is_computed(home: Path) -> None:
    settings = settings_of(home)
    days = [date(2025, 4, 29), date(2025, 5, 1), date(2025, 5, 2)]
    with open_past(settings, warehouse_of(settings)) as past:
        with pytest.raises(HistoryError, match=r"2 of the days asked for lie after 2025-04-30, .*"
                           r"Ask for days from 2025-01-01 to 2025-04-30; nothing was"):  # fmt: skip
            past.check(days)
        past.check(days[:1])


def test_a_day_that_fails_is_named_and_those_before_it_stay(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_day = Past.run_day

    def fail_on_the_third(past: Past, day: date, history: History) -> Day:
        if day == date(2025, 2, 3):
            raise HistoryError("the reason.")
        return run_day(past, day, history)

    monkeypatch.setattr(Past, "run_day", fail_on_the_third)
    settings = settings_of(home)

    def record_from(first: str) -> tuple[str | None, set[str]]:
        """Returns why it failed, and the days that Dagster marks as recorded."""
        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize(
                [build_backfill(settings)],
                instance=instance,
                resources={
                    "lock": HomeLock(home=str(home), timeout=60),
                    "warehouse": warehouse_of(settings),
                },
                tags={
                    "dagster/asset_partition_range_start": first,
                    "dagster/asset_partition_range_end": "2025-02-04",
                },
                raise_on_error=False,
            )
            (failure,) = result.get_step_failure_events()
            said = failure.step_failure_data.user_failure_data
            return said.description if said else None, instance.get_materialized_partitions(KEY)

    reason = "2025-02-03 is not recorded: the reason."
    assert record_from("2025-02-02") == (f"{reason} The days before it are.", {"2025-02-02"})
    assert record_from("2025-02-03") == (reason, set())
    assert date(2025, 2, 2) in history_of(home).days()
    (history_of(home).folder / "2025-02-02.parquet").unlink()


def test_a_stopped_day_does_not_count_as_failed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise dg.DagsterExecutionInterruptedError

    settings = settings_of(home)
    with open_past(settings, warehouse_of(settings)) as past:
        monkeypatch.setattr(DbtBuilder, "build", stop)
        with duckdb.connect(str(past.settings.warehouse)) as con:
            con.execute("create table bronze.still_there (x int)")
            con.execute("create schema of_another_day")
        with pytest.raises(dg.DagsterExecutionInterruptedError):
            past.run_day(date(2025, 2, 2), history_of(home))
        assert digest(past.settings.registry) == digest(home / "registry"), "who is who is known"
        with duckdb.connect(str(past.settings.warehouse)) as con:
            schemas = con.execute("select distinct schema_name from duckdb_schemas()").fetchall()
            con.execute("from bronze.still_there")
        assert ("of_another_day",) not in schemas, "each day begins with bronze alone"


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("", "", r"^FROM is missing: name the first day, as in `make backfill FROM=2025-01-01"),
        ("", "2025-03-01", r"^TO is 2025-03-01, and FROM is missing: name the first day"),
        ("2025-02-30", "", r"^The day is '2025-02-30': write days as in `make backfill FROM="),
        ("2025-02-01", "soon", r"^The days are '2025-02-01' and 'soon'"),
        ("2025-03-02", "2025-03-01", r"2025-03-01 is before 2025-03-02"),
        ("2024-12-31", "2025-03-01", r"2024-12-31 is before 2025-01-01 \(C360_START_DATE\)"),
        ("2025-03-02", "2999-01-01", r"2999-01-01 is in the future"),
    ],
)
def test_invalid_days_are_refused_in_one_sentence(first: str, last: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_days(read_settings({}), first, last)


def test_make_passes_on_only_the_named_days() -> None:
    """Once, TO took the place of an empty FROM=."""
    assert read_days(read_settings({}), "2025-03-01", "") == (date(2025, 3, 1), date(2025, 3, 1))
    for given, handed in (
        (["TO=2025-06-01"], "backfill --to 2025-06-01"),
        (["FROM=2025-06-01"], "backfill --from 2025-06-01"),
        (["FROM=2025-06-01", "TO=2025-06-02"], "backfill --from 2025-06-01 --to 2025-06-02"),
    ):
        command = ["make", "--dry-run", "--no-print-directory", "backfill", *given]
        said = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        assert said.stdout.splitlines()[-1].split("c360_dagster ")[1].split() == handed.split()


@pytest.mark.parametrize("there", [(), ("suppliers",)])
def test_a_home_without_bronze_says_what_to_do(tmp_path: Path, there: tuple[str, ...]) -> None:
    """A home of an older version, with fewer tables in bronze, gets the same answer."""
    settings = settings_of(tmp_path)
    with warehouse_of(settings).connect() as con:
        create_bronze(con, [read_contract()[name] for name in there])
    with (
        pytest.raises(HistoryError, match=r"holds no bronze.*load the files first"),
        open_past(settings, warehouse_of(settings)),
    ):
        pass


def test_a_day_before_the_first_file_is_refused(tmp_path: Path) -> None:
    """Here every file has a day in its name; a file without one counts as always known."""
    settings = settings_of(tmp_path)
    with warehouse_of(settings).connect() as con:
        create_bronze(con, read_contract().values())
        create_computed(con)
        con.execute(
            "insert into bronze.transactions (transaction_id, transaction_date, _file, _row, "
            "_known_at, _loaded_at) values ('t1', '2025-02-01', 'f', 1, '2025-02-03', '2025-03-01')"
        )
    with open_past(settings, warehouse_of(settings)) as past:
        with pytest.raises(HistoryError, match=r"2025-02-02 lies before 2025-02-03, the day of"):
            past.check([date(2025, 2, 2)])
        past.check([date(2025, 2, 3)])
