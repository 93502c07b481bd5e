"""What runs by itself: what each job makes, when it starts, which files start it, who is told."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.run_status_sensor_definition import RunStatusSensorDefinition
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._grpc.client import DEFAULT_SENSOR_GRPC_TIMEOUT
from dagster._utils.schedules import schedule_execution_time_iterator

from c360_dagster.definitions import build_definitions
from c360_dagster.messages.alerts import TIMEOUT_SECONDS, AlertError
from c360_dagster.messages.reports import NOT_DELIVERED_TAG
from c360_dagster.settings import read_settings

UI = "https://dagster.example.com/c360"


def define(home: Path, **variables: str) -> dg.Definitions:
    return build_definitions(read_settings({"C360_HOME": str(home)} | variables))


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return define(tmp_path_factory.mktemp("home"), C360_TIMEZONE="Europe/Berlin")


# Jobs -------------------------------------------------------------------------------------------


def made_by(definitions: dg.Definitions, job: str) -> set[str]:
    keys = definitions.resolve_job_def(job).asset_layer.executable_asset_keys
    return {key.to_user_string() for key in keys}


def test_the_jobs_make_what_their_names_say(definitions: dg.Definitions) -> None:
    every = {
        key.to_user_string() for key in definitions.resolve_asset_graph().materializable_asset_keys
    }
    assert made_by(definitions, "everything") == every
    assert made_by(definitions, "daily_refresh") == every
    models = {key for key in every if not key.startswith(("landing/", "bronze/"))}
    assert made_by(definitions, "models_only") == models
    assert {"silver/stg_customers", "gold/mart_customer_360", "published/c360"} <= models


def test_every_job_schedule_and_sensor_says_what_it_is_for(definitions: dg.Definitions) -> None:
    for name in ("everything", "daily_refresh", "models_only"):
        assert definitions.resolve_job_def(name).description, name
    on = {
        each.name: each.default_status.value
        for each in (*(definitions.schedules or []), *(definitions.sensors or []))
        if isinstance(each, (dg.ScheduleDefinition, dg.SensorDefinition))
    }
    assert on == {
        "every_morning": "RUNNING",
        "files_arrived": "STOPPED",
        "alert_on_failure": "STOPPED",
        "alert_on_checks": "STOPPED",
    }
    every: list[dg.ScheduleDefinition | dg.SensorDefinition] = [
        definitions.resolve_schedule_def("every_morning"),
        *(definitions.resolve_sensor_def(name) for name in list(on)[1:]),
    ]
    for each in every:
        start = "On, because" if on[each.name] == "RUNNING" else "Off, because"
        assert start in (each.description or ""), each.name


# The schedule -----------------------------------------------------------------------------------


def test_the_schedule_asks_for_the_daily_job(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("every_morning")
    morning = datetime(2025, 6, 2, 4, tzinfo=UTC)
    with dg.build_schedule_context(
        scheduled_execution_time=morning, repository_def=definitions.get_repository_def()
    ) as context:
        (asked,) = schedule.evaluate_tick(context).run_requests or []
    assert schedule.job_name == "daily_refresh"
    assert asked.tags["dagster/schedule_name"] == "every_morning"


@pytest.mark.parametrize(
    ("start", "hours"), [((2025, 3, 29), [5, 4, 4]), ((2025, 10, 25), [4, 5, 5])]
)
def test_six_in_the_morning_comes_once_on_days_that_change_the_clock(
    definitions: dg.Definitions, start: tuple[int, int, int], hours: list[int]
) -> None:
    """In Berlin the clock went forward on 30 March 2025 and back on 26 October."""
    schedule = definitions.resolve_schedule_def("every_morning")
    ticks = schedule_execution_time_iterator(
        datetime(*start, tzinfo=UTC).timestamp(),
        str(schedule.cron_schedule),
        schedule.execution_timezone,
    )
    found = [next(ticks) for _ in hours]
    assert [tick.hour for tick in found] == [6, 6, 6]
    assert [tick.day for tick in found] == [start[2], start[2] + 1, start[2] + 2]
    assert [tick.astimezone(UTC).hour for tick in found] == hours


# Arriving files ---------------------------------------------------------------------------------


class Arrivals:
    """The sensor `files_arrived` with its cursor, which Dagster's daemon keeps between checks."""

    def __init__(self, home: Path, instance: dg.DagsterInstance) -> None:
        self.landing = home / "landing"
        self.definitions = define(home)
        self.instance = instance
        self.cursor: str | None = None

    def put(self, name: str, text: str, *, at: int = 1_700_000_000) -> None:
        path = self.landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (at, at))

    def evaluate(self) -> list[str | None]:
        """Evaluates the sensor once; returns the keys of the runs that it asks for."""
        sensor = self.definitions.resolve_sensor_def("files_arrived")
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=self.definitions.get_repository_def(),
        ) as context:
            tick = sensor.evaluate_tick(context)
        self.cursor = tick.cursor
        assert tick.run_requests or tick.skip_message
        return [asked.run_key for asked in tick.run_requests or []]


@pytest.fixture
def arrivals(tmp_path: Path) -> Iterator[Arrivals]:
    with dg.instance_for_test() as instance:
        yield Arrivals(tmp_path, instance)


def test_an_empty_landing_starts_nothing(arrivals: Arrivals) -> None:
    assert arrivals.evaluate() == arrivals.evaluate() == []


def test_a_link_to_itself_does_not_stop_the_sensor(arrivals: Arrivals) -> None:
    arrivals.put("sales/transactions.csv", "x")
    (arrivals.landing / "sales/transactions_loop.csv").symlink_to("transactions_loop.csv")
    assert arrivals.evaluate() == []
    assert len(arrivals.evaluate()) == 1


def test_files_start_one_run_once_they_rest(arrivals: Arrivals) -> None:
    arrivals.put("sales/transactions.csv", "half")
    assert arrivals.evaluate() == []
    arrivals.put("sales/transactions.csv", "half and more")
    assert arrivals.evaluate() == [], "it grew"
    arrivals.put("sales/transactions.csv", "half and less", at=1_700_000_001)
    assert arrivals.evaluate() == [], "it was written again"
    assert len(arrivals.evaluate()) == 1
    assert arrivals.evaluate() == arrivals.evaluate() == [], "once for each set of files"


def test_each_change_of_files_starts_a_run_even_to_an_earlier_state(arrivals: Arrivals) -> None:
    """Runs are asked for without a key: of two runs with the same key, Dagster starts only one."""
    for at in (1, 2, 1, 2):
        arrivals.put("sales/transactions.csv", "x", at=at)
        assert arrivals.evaluate() == []
        assert arrivals.evaluate() == [None]


def test_simulated_files_and_files_of_no_table_do_not_count(arrivals: Arrivals) -> None:
    arrivals.put("sales/transactions.csv", "x")
    arrivals.put("sales/notes.txt", "x")
    arrivals.put("customer/customers.csv", "x")
    mark = {"files": {"sales/transactions.csv": "x"}, "attempt": {"files": {
        "customer/customers.csv": None}}}  # fmt: skip
    arrivals.put(".simulated.json", json.dumps(mark))
    assert arrivals.evaluate() == arrivals.evaluate() == []


@pytest.mark.parametrize("mark", ["{", "[]"])
def test_all_files_count_if_the_simulators_mark_is_unreadable(
    arrivals: Arrivals, mark: str
) -> None:
    arrivals.put("sales/transactions.csv", "x")
    arrivals.put(".simulated.json", mark)
    arrivals.evaluate()
    assert len(arrivals.evaluate()) == 1


def test_no_run_starts_while_another_is_running(arrivals: Arrivals) -> None:
    run = dg.DagsterRun("daily_refresh", status=dg.DagsterRunStatus.STARTED)
    arrivals.instance.add_run(run)
    arrivals.put("sales/transactions.csv", "x")
    assert arrivals.evaluate() == arrivals.evaluate() == arrivals.evaluate() == []
    arrivals.instance.report_run_canceled(run)
    assert len(arrivals.evaluate()) == 1, "its files may have come after it looked"


# Alerts -----------------------------------------------------------------------------------------


@dg.op
def fail() -> None:
    raise dg.Failure("the shelf fell down")


@dg.job
def shelf() -> None:
    fail()


@dg.asset(check_specs=[dg.AssetCheckSpec("straight", asset="board")])
def board() -> dg.MaterializeResult:
    return dg.MaterializeResult(
        check_results=[dg.AssetCheckResult(passed=False, description="it leans")]
    )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr("c360_dagster.automation.send", lambda *told: sent.append(told))
    return sent


def evaluate(
    definitions: dg.Definitions, name: str, instance: dg.DagsterInstance, cursor: str | None
) -> str | None:
    sensor = definitions.resolve_sensor_def(name)
    assert isinstance(sensor, RunStatusSensorDefinition)
    with dg.build_sensor_context(
        instance=instance,
        cursor=cursor,
        repository_name="__repository__",  # the daemon's name for it; test runs belong to none
        repository_def=definitions.get_repository_def(),
    ) as context:
        return sensor.evaluate_tick(context).cursor


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/hook", ""])
def test_each_run_worth_a_message_gets_exactly_one(
    tmp_path: Path, sent: list[tuple[str, str]], url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Runs from the command line, which belong to no code location, get a message too."""
    definitions = define(tmp_path, C360_WEBHOOK_URL=url, C360_UI_URL=f"{UI}/")
    sensors = ("alert_on_failure", "alert_on_checks")
    with dg.instance_for_test() as instance:
        cursors = {name: evaluate(definitions, name, instance, None) for name in sensors}
        failed = shelf.execute_in_process(instance=instance, raise_on_error=False)
        leaning = dg.materialize([board], instance=instance)
        for _ in range(3):
            cursors = {
                name: evaluate(definitions, name, instance, cursors[name]) for name in sensors
            }
    assert [(to, text.splitlines()[1], text.splitlines()[-1]) for to, text in sent] == ([
        (url, "Why, in fail: the shelf fell down", f"{UI}/runs/{failed.run_id}"),
        (url, "Check straight on board: it leans", f"{UI}/runs/{leaning.run_id}"),
    ] if url else [])  # fmt: skip
    assert capfd.readouterr().err.count("Why, in fail: the shelf fell down") == 1


def test_a_run_whose_message_does_not_arrive_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AlertError("nobody is there")

    monkeypatch.setattr("c360_dagster.automation.send", refuse)
    definitions = define(tmp_path, C360_WEBHOOK_URL="http://127.0.0.1:9/hook")
    with dg.instance_for_test() as instance:
        cursor = evaluate(definitions, "alert_on_failure", instance, None)
        failed = shelf.execute_in_process(instance=instance, raise_on_error=False)
        evaluate(definitions, "alert_on_failure", instance, cursor)
        run = instance.get_run_by_id(failed.run_id)
        assert run
        assert run.tags.items() >= NOT_DELIVERED_TAG.items()


def test_runs_of_other_code_locations_are_not_reported(
    tmp_path: Path, sent: list[tuple[str, str]]
) -> None:
    definitions = define(tmp_path, C360_WEBHOOK_URL="http://127.0.0.1:9/hook", C360_UI_URL=UI)
    theirs, mart = dg.AssetKey("their_report"), dg.AssetKey(["gold", "mart_customer_360"])
    ran: list[tuple[str, dg.AssetKey | None]] = [
        ("their_job", None), ("__ASSET_JOB", theirs), ("models_only", None), ("__ASSET_JOB", mart),
    ]  # fmt: skip
    with dg.instance_for_test() as instance:
        cursor = evaluate(definitions, "alert_on_failure", instance, None)
        for job, chosen in ran:
            place = RemoteRepositoryOrigin(
                RegisteredCodeLocationOrigin("anywhere"), "__repository__"
            )
            run = dg.DagsterRun(
                job,
                status=dg.DagsterRunStatus.STARTED,
                asset_selection=frozenset([chosen]) if chosen else None,
                remote_job_origin=RemoteJobOrigin(place, job),
            )
            instance.add_run(run)
            instance.report_run_failed(run)
        for _ in ran:
            cursor = evaluate(definitions, "alert_on_failure", instance, cursor)
    titles = [text.splitlines()[0] for _, text in sent]
    assert titles == [
        "Customer 360: models_only failed.",
        "Customer 360: a run of chosen tables failed.",
    ]


def test_a_sensor_tick_ends_before_dagster_stops_it(
    tmp_path: Path, sent: list[tuple[str, str]]
) -> None:
    """Otherwise it would send the same messages again every minute while the webhook is silent."""
    definitions = define(tmp_path, C360_WEBHOOK_URL="http://127.0.0.1:9/hook")
    with dg.instance_for_test() as instance:
        cursor = evaluate(definitions, "alert_on_failure", instance, None)
        for _ in range(4):
            shelf.execute_in_process(instance=instance, raise_on_error=False)
        for _ in range(4):
            told_before = len(sent)
            cursor = evaluate(definitions, "alert_on_failure", instance, cursor)
            assert (len(sent) - told_before) * TIMEOUT_SECONDS < DEFAULT_SENSOR_GRPC_TIMEOUT
    assert len(sent) == len(set(sent)) == 4


def test_alerts_are_on_where_there_is_somewhere_to_send_them(tmp_path: Path) -> None:
    definitions = define(tmp_path, C360_WEBHOOK_URL="https://example.com/hook")
    for name in ("alert_on_failure", "alert_on_checks"):
        sensor = definitions.resolve_sensor_def(name)
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
        assert "On, because" in (sensor.description or "")
        assert "example.com" not in (sensor.description or ""), "the address is a secret"
