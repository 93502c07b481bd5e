"""The commands that people type: with their own files, with faulty files, and several at once."""

import os
import signal
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from c360_dagster import __main__
from c360_dagster.__main__ import conclude
from c360_dagster.dagster_commands import DagsterOutput, call_dagster, show_briefly
from c360_dagster.home import check_landing, check_rights, say
from c360_dagster.messages.failure_summary import explain_failure
from c360_dagster.messages.reports import read_report
from c360_dagster.resources.lock import hold_lock
from c360_dagster.resources.storage import advise_on_full_disk
from c360_dagster.settings import AUDIENCES, SettingsError, read_settings
from tests.pipeline_runs import MATERIALIZE, call, rows

OWN_FILES = {
    "customer/customers.csv": "customer_id,registration_date\nMine,2025-01-01\n",
    "customer/loyalty_program.csv": "customer_id;points\nMine;1\n",
    "products/products.csv": "product_id,price\nP1,5\n",
    "sales/transactions.csv": (
        "transaction_id,customer_id,transaction_date,subtotal,tax_amount,discount_amount,"
        "total_amount,currency,status\n"
        "T1,Mine,2025-01-02 10:00:00,5,0,0,5,USD,completed\n"
        "T2,Mine,2025-01-03 10:00:00,5,0,0,5,EUR,completed\n"
    ),
    "sales/transaction_items.csv": (
        "item_id,transaction_id,product_id,quantity,unit_price,line_total,discount_applied\n"
        "I1,T1,P1,1,5,5,0\nI2,T2,P1,1,5,5,0\n"
    ),
}


@pytest.fixture(scope="module")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a user's own files, which hold two currencies but no rate between them."""
    home = tmp_path_factory.mktemp("own")
    for name, content in OWN_FILES.items():
        path = home / "landing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return home


def test_a_failed_dbt_test_fails_the_run_and_names_its_rows(own_home: Path) -> None:
    failed = call(own_home, "c360_dagster", "run")
    assert failed.returncode == 1
    assert "currencies_can_be_added" in failed.stdout
    assert ", and 1 more; look at them with: select * from test_failures.curr" in failed.stdout
    assert not (own_home / "published").exists()
    assert "Dependencies for step" not in failed.stdout
    assert "Stack Trace" not in failed.stdout
    last, published, where = failed.stderr.splitlines()
    assert last.startswith("`make run` failed in build_models")
    rule = "Orders are in one currency, or channels/rates.csv converts the others."
    assert f"test currencies_can_be_added: 2 rows break the rule '{rule}', on stg_" in last
    assert published == "Nothing is published yet."
    with dg.DagsterInstance.from_config(str(own_home / "dagster")) as instance:
        (run,) = instance.get_runs()
        assert where.endswith(f"/runs/{run.run_id}")
        assert read_report(instance, run).job == "make run"


def test_errors_of_this_project_are_shown_without_a_stack_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The place in the code helps only if nobody foresaw the error, as with a KeyError."""
    event = (
        f"2026-01-02 06:00:00 +0000 - dagster - ERROR - job - {uuid.UUID(int=1)} - 7 - step - X\n"
    )
    for error in ("c360_dagster.resources.warehouse.WarehouseError", "KeyError"):
        lines = [
            event,
            "\n",
            f"{error}: It is open.\n",
            "\n",
            "Stack Trace:\n",
            "  File x\n",
            event,
        ]
        assert show_briefly(lines).run == str(uuid.UUID(int=1))
        shown = capsys.readouterr().out
        assert f"{error}: It is open." in shown
        assert ("  File x" in shown) == (error == "KeyError")


def test_control_characters_in_messages_are_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Messages during and before a run quote cells and file names, which may hold escape codes."""
    event = f"2026-01-02 06:00:00 +0000 - dagster - ERROR - j - {uuid.uuid4()} - 7 - s - "
    steering = "\x1b[2J"
    monkeypatch.setattr(__main__, "call_dagster", lambda *_: (1, show_briefly([event + steering])))
    monkeypatch.setattr(__main__, "summarise_run", lambda *_, **__: steering)
    monkeypatch.setattr(
        "c360_dagster.messages.failure_summary.explain_failure", lambda *_: steering
    )
    assert __main__.materialize(read_settings({"C360_HOME": str(tmp_path)}), "refresh") == 1
    say(steering)
    shown = capsys.readouterr()
    assert steering not in shown.out + shown.err
    assert (shown.out + shown.err).count("\\u001b[2J") == 4


def test_a_stopped_run_shows_no_stack_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = f"2026-01-02 06:00:00 +0000 - dagster - ERROR - j - {uuid.uuid4()} - 7 - s - Failed.\n"
    interrupted = "dagster._core.errors.DagsterExecutionInterruptedError\n"
    show_briefly([event, "\n", interrupted, "\n", "Stack Trace:\n", "  File x\n"])
    assert "File" not in capsys.readouterr().out
    imports = ["Traceback (most recent call last):\n", "  File x\n", "KeyboardInterrupt\n"]
    show_briefly([event, *imports, *imports, event])  # from the processes that read steps' output
    told = capsys.readouterr().out
    assert ("File" in told, told.count("Failed.")) == (False, 2)
    said = replace(show_briefly(imports), is_stopped=True)
    assert conclude(read_settings({"C360_HOME": str(tmp_path)}), "make run", 130, said) == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "`make run` was stopped before it began anything.\n")


@pytest.mark.parametrize("place", ["pipe", "/dev/full"])
def test_the_run_is_followed_to_its_end_if_the_output_closes_early(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The run goes on if its output ends early (`make refresh | head`, a log on a full disk)."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") if place == "pipe" else Path(place).open("w") as out:
        monkeypatch.setattr("sys.stdout", out)
        told = f"2025-01-01 06:00:00 +0000 - dagster - INFO - j - {uuid.uuid4()} - "
        last = str(uuid.uuid4())
        lines = [f"{told}one\n", f"{told}two\n", f"{told.replace(told[-39:-3], last)}three\n"]
        assert show_briefly(lines).run == last


@pytest.mark.parametrize(
    ("number", "then", "code"), [(15, "time.sleep(9)", -15), (2, "print('the end')", 130)]
)
def test_stopping_the_command_stops_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, then: str, code: int
) -> None:
    """The run ends even if only the command gets the signal, as `timeout` sends it.

    Otherwise it would go on by itself.
    """
    run = f"import os, time; os.kill(os.getppid(), {number}); {then}"
    monkeypatch.setattr("c360_dagster.dagster_commands.DAGSTER", (sys.executable, "-c", run))

    def fail(*_: object) -> None:
        pytest.fail("the run goes on")

    before = signal.signal(signal.SIGTERM, fail)
    try:
        told = call_dagster(read_settings({"C360_HOME": str(tmp_path)}))
        assert signal.getsignal(signal.SIGTERM) is fail, "a second signal ends the summary"
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told == (code, DagsterOutput(None, is_stopped=True))


def test_a_log_without_room_is_reported_as_a_full_disk(tmp_path: Path) -> None:
    settings = read_settings({"C360_HOME": str(tmp_path)})
    said = explain_failure(settings, "make run", None, "database or disk is full")
    assert said.splitlines() == [
        f"`make run` was stopped. {advise_on_full_disk(tmp_path)}",
        "Nothing is published yet.",
    ]


def test_own_files_are_loaded_and_nothing_is_simulated_beside_them(own_home: Path) -> None:
    """`make refresh` does this, even after a `make run` that failed because of these files."""
    path = own_home / "landing" / "sales" / "transactions.csv"
    path.write_text(path.read_text().replace("EUR", "USD"))
    path.with_name("Orders.csv").write_text("x")
    header, first, _ = path.read_text().splitlines()
    path.with_name("transactions_20250630.csv").write_text(f"{header},Colour\n{first},red\n")
    done = call(own_home, "c360_dagster", "refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Bronze holds 7 rows from 5 files." in done.stdout
    assert "customer/loyalty_program.csv: its columns are separated by semicolons" in done.stdout
    assert "sales/transactions_20250630.csv: loaded without Colour: docs/your-own" in done.stdout
    left = done.stdout.split("Bronze holds")[1]
    assert "Not loaded: sales/Orders.csv belongs to no table: docs/your-own-data.md says" in left
    assert "In doubt: sales/transactions_20250630.csv: loaded, and treated as always known" in left
    path.with_name("Orders.csv").unlink()
    path.with_name("transactions_20250630.csv").unlink()
    spent = "select customer_id, total_orders, total_spent::varchar from gold.mart_customer_360"
    assert rows(own_home, spent) == [("Mine", 2, "10.00")]
    landed = (path for path in (own_home / "landing").rglob("*.*") if path.is_file())
    assert {str(path.relative_to(own_home / "landing")) for path in landed} == set(OWN_FILES)


def test_a_failure_names_the_run_whose_results_are_published(
    own_home: Path, tmp_path: Path
) -> None:
    """An audience fails after publishing, a model before it; a bad audience file starts no run."""
    audiences = tmp_path / "my.yml"
    audiences.write_text(AUDIENCES.read_text("utf-8").replace("churn_risk", "chrun_risk"))
    behind = call(own_home, "c360_dagster", "refresh", C360_AUDIENCES=str(audiences))
    assert behind.returncode == 1
    assert behind.stderr.startswith(f"`make refresh` failed in export_audiences: {audiences}: aud")
    ((published_by,),) = rows(own_home, "select run_id from gold.publication")
    assert behind.stderr.splitlines()[-1].endswith(f"/runs/{published_by}")
    assert "\nThis run's results are published, and complete: as of 2025-01-03.\n" in behind.stderr

    with dg.DagsterInstance.from_config(str(own_home / "dagster")) as instance:
        failed_at_a_model = instance.get_runs()[-1]
    settings = read_settings({"C360_HOME": str(own_home)})
    before = explain_failure(settings, "make run", failed_at_a_model.run_id)
    assert before.startswith("`make run` failed in build_models")
    assert "\nWhat is published stayed as it was: as of 2025-01-03.\n" in before

    audiences.write_text("audiences: [")
    nothing = call(own_home, "c360_dagster", "refresh", C360_AUDIENCES=str(audiences))
    assert nothing.returncode == 1
    assert nothing.stderr == "`make refresh` started nothing: the reason is given above.\n"
    assert nothing.stdout.startswith(f"{audiences}, line 1: it cannot be read as YAML")


def test_runs_at_once_all_succeed(tmp_path: Path) -> None:
    """Two `make run` share a DAGSTER_HOME; a third run, which only loads, has its own.

    The runs that come later find nothing new to load.
    """
    load = [part if part != "*" else "group:bronze" for part in MATERIALIZE]
    lock = tmp_path / ".lock"
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(call, tmp_path, "c360_dagster", "run") for _ in range(2)]
        while not (lock.exists() and lock.read_text()) and not any(run.done() for run in runs):
            time.sleep(0.05)
        runs.append(pool.submit(call, tmp_path, *load))
    for run in runs:
        assert run.result().returncode == 0, run.result().stdout + run.result().stderr
    for run in runs[:2]:
        said = run.result().stdout
        assert "Bronze holds " in said or "Another program is using the warehouse" in said
        assert "Warning" not in run.result().stdout + run.result().stderr
    told = "".join(run.result().stdout + run.result().stderr for run in runs)
    assert told.count("is in use by run") >= 2, "the others say who they wait for"
    counted = "select count(*) = count(distinct path) from bronze.load_log"
    assert rows(tmp_path, counted) == [(True,)]


@pytest.mark.parametrize("command", [("c360_dagster", "run"), tuple(MATERIALIZE)])
def test_a_bad_setting_is_one_sentence_and_writes_nothing(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = call(tmp_path / "home", *command, C360_SEED="seven")
    assert done.returncode == 1
    assert "C360_SEED is 'seven': it must be a whole number" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("verb", ["refresh", "backfill --from 2025-06-30"])
def test_a_command_without_files_fails_in_one_sentence_and_writes_nothing(
    tmp_path: Path, verb: str
) -> None:
    """The home is mistyped, or landing is empty or has no table's file.

    If there is a warehouse, a refresh is allowed even without files in landing.
    """
    mistyped = call(tmp_path / "hmoe", "c360_dagster", *verb.split())
    assert mistyped.returncode == 1
    assert mistyped.stderr == (
        f"{tmp_path}/hmoe/landing holds no files: put yours there, or check C360_HOME; "
        "`make run` simulates a retailer.\n"
    )
    assert not (tmp_path / "hmoe").exists()
    (tmp_path / "landing" / "sales").mkdir(parents=True)
    settings = read_settings({"C360_HOME": str(tmp_path)})
    with pytest.raises(SettingsError, match="landing holds no files"):
        check_landing(settings)
    (tmp_path / "landing" / "orders.csv").touch()
    with pytest.raises(
        SettingsError, match=r"holds no file that belongs to a table, only orders\.csv: docs/your-"
    ):
        check_landing(settings)
    settings.warehouse.touch()
    check_landing(settings)


@pytest.mark.parametrize("verb", ["run", "ui"])
def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path, verb: str) -> None:
    (tmp_path / "file").touch()
    done = call(tmp_path / "file" / "home", "c360_dagster", verb)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"C360_HOME is '{tmp_path}/file/home', and that cannot be used (Not a directory: "
    )
    assert done.stderr.endswith("name a folder that you may write to, or make it one.\n")
    assert done.stderr.count("\n") == 1


def test_files_without_access_are_named_before_a_run_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For example what one run as administrator left. Folders that no run writes do not matter."""
    left = ("landing/sales/transactions.csv", "lost+found/x", "published/c360.duckdb", "dagster/db")
    for name in left:
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.touch()
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    check_rights(tmp_path / "new")
    check_rights(tmp_path)
    closed = {"transactions.csv", "lost+found", "c360.duckdb"}
    monkeypatch.setattr(os, "access", lambda path, *_, **__: Path(path).name not in closed)
    with pytest.raises(PermissionError, match=r"denied: '.*/published/c360\.duckdb'"):
        check_rights(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid)
    check_rights(tmp_path)
    for folder in ("published", "sales"):
        closed.add(folder)
        with pytest.raises(PermissionError, match=rf"denied: '.*/{folder}'"):
            check_rights(tmp_path)


def test_clean_keeps_landing(tmp_path: Path) -> None:
    kept = tmp_path / "landing" / "sales" / "transactions.csv"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    (tmp_path / "registry").mkdir()
    (tmp_path / "warehouse.duckdb").write_text("x")
    done = call(tmp_path, "c360_dagster", "clean")
    assert done.returncode == 0
    assert done.stdout == f"{tmp_path}: removed warehouse.duckdb; kept: landing, registry.\n"
    assert sorted(path.name for path in tmp_path.glob("[!.]*")) == ["landing", "registry"]
    assert kept.read_text() == "mine"


def test_clean_says_when_there_is_nothing_to_remove(tmp_path: Path) -> None:
    done = call(tmp_path / "elsewhere", "c360_dagster", "clean")
    assert done.stdout == (f"{tmp_path}/elsewhere: there was nothing to remove; kept: nothing.\n")


def test_clean_and_docs_wait_for_the_run_that_is_at_work(tmp_path: Path) -> None:
    """Both leave the warehouse alone and explain the wait in words of their own, not DuckDB's."""
    warehouse = tmp_path / "warehouse.duckdb"
    warehouse.touch()
    for verb in ("clean", "docs"):
        with hold_lock(tmp_path, 0, run_id="the-first"):
            done = call(tmp_path, "c360_dagster", verb, C360_LOCK_TIMEOUT="0")
        assert done.returncode == 1
        assert done.stderr == (
            f"{tmp_path} is in use by run the-first (process {os.getpid()}), and 0 s "
            "(C360_LOCK_TIMEOUT) have passed: wait for that run to end, or stop it, and try "
            "again.\n"
        )
        assert warehouse.exists()


def test_docs_name_the_program_that_has_the_warehouse_open(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")):
        done = call(tmp_path, "c360_dagster", "docs", C360_LOCK_TIMEOUT="1")
    assert done.returncode == 1
    waits, gives_up = done.stderr.splitlines()
    assert f"is open in another program, process {os.getpid()}" in waits
    assert waits.endswith("waiting up to 1 s for it to be closed.")
    assert "close it there, or stop that program" in gives_up
    assert not done.stdout
