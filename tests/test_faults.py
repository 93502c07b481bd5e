"""When something breaks in the middle, the last good state stays and the next run is complete.

`make chaos` runs the long form: it kills at more moments and takes every rebuild to its end.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from c360_dagster.definitions import build_definitions
from c360_dagster.home import prepare_dagster_home
from c360_dagster.settings import REPOSITORY, read_settings
from tests.pipeline_runs import MATERIALIZE, SMALL, call, copy_home

STEPS = 7
"""About as many steps as the pipeline has. A run that ends before it is killed is complete."""


def run_pipeline(home: Path, *layers: str) -> list[str]:
    """Runs the pipeline, or some layers of it, in this process; returns why steps failed."""
    definitions = build_definitions(read_settings(SMALL | {"C360_HOME": str(home)}))
    job = definitions.resolve_implicit_global_asset_job_def()
    keys = [
        key
        for key in definitions.resolve_asset_graph().materializable_asset_keys
        if not layers or key.path[0] in layers
    ]
    done = job.execute_in_process(asset_selection=keys, raise_on_error=False)
    return [
        f"{error.cause.message if error.cause else error.message}"
        for event in done.get_step_failure_events()
        if (error := event.step_failure_data.error)
    ]


@pytest.fixture
def home(home_after_first_run: Path, tmp_path: Path) -> Path:
    """A copy of the home, in which a test may break things."""
    return copy_home(home_after_first_run, tmp_path / "home")


def assert_same_gold(home: Path, other: Path) -> None:
    """Compares every gold table cell by cell, except `publication`, which names its run."""
    with duckdb.connect() as con:
        con.execute(f"attach '{home / 'warehouse.duckdb'}' as one (read_only)")
        con.execute(f"attach '{other / 'warehouse.duckdb'}' as two (read_only)")
        query = (
            "select table_name from duckdb_tables() where database_name = ? "
            "and schema_name = 'gold' and table_name <> 'publication' order by all"
        )
        tables = con.execute(query, ["one"]).fetchall()
        assert tables == con.execute(query, ["two"]).fetchall()
        assert len(tables) > 30
        differing = {}
        for (name,) in tables:
            left, right = f"from one.gold.{name}", f"from two.gold.{name}"
            rows = con.execute(
                f"select count(*) from (({left} except all {right}) "
                f"union all ({right} except all {left}))"
            ).fetchall()
            if rows != [(0,)]:
                differing[name] = rows
    assert differing == {}


def published(home: Path) -> dict[str, str]:
    """Returns the published files' names, with a hash of each file's content."""
    folder = home / "published"
    files = [folder / "c360.duckdb", *(folder / "parquet").iterdir()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# Killed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attempt", [0, *(pytest.param(number, marks=pytest.mark.chaos) for number in range(1, 11))]
)
def test_a_killed_run_is_completed_by_the_next(
    home_after_first_run: Path, tmp_path: Path, attempt: int
) -> None:
    """A run is killed on the way, in the long form twice.

    Every other attempt (those with even numbers) begins with landing; the others must simulate it.
    """
    home = tmp_path / "home"
    copy_home(
        home_after_first_run, home, *([] if attempt % 2 else ["landing", "truth"]), ".nothing"
    )
    moments = random.Random(attempt)
    steps = ((1, 3), (3, STEPS)) if attempt else ((3, STEPS),)
    ends = [
        kill_a_run(home, moments.randint(low, high), moments.uniform(0, 1)) for low, high in steps
    ]
    assert -signal.SIGKILL in ends
    assert run_pipeline(home) == []
    assert_same_gold(home, home_after_first_run)
    assert [path.name for path in (home / "published").glob(".*.duckdb*")] == []


def kill_a_run(home: Path, step: int, delay: float) -> int:
    """Starts the command that `make run` starts, and kills it some time into a step."""
    prepare_dagster_home(read_settings({"C360_HOME": str(home)}))
    with subprocess.Popen(
        [sys.executable, "-m", *MATERIALIZE],
        cwd=REPOSITORY,
        env=os.environ | SMALL | {"C360_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as run:
        assert run.stderr is not None
        for line in run.stderr:
            step -= "STEP_START" in line
            if step == 0:
                time.sleep(delay)
                break
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    return run.returncode


# A damaged warehouse ----------------------------------------------------------------------------


@pytest.fixture
def damaged(home: Path) -> Path:
    path = home / "warehouse.duckdb"
    content = path.read_bytes()
    path.write_bytes(content[:200_000] + b"\xff" * (len(content) - 200_000))
    return home


def test_a_damaged_warehouse_says_how_to_rebuild_it(damaged: Path) -> None:
    before = published(damaged)
    (reason,) = run_pipeline(damaged, "bronze")
    assert "warehouse.duckdb is damaged: move it away" in reason
    assert published(damaged) == before


def test_a_damaged_log_of_runs_is_reported_in_one_sentence(home: Path) -> None:
    environment = os.environ | SMALL | {"C360_HOME": str(home)}
    prepare_dagster_home(read_settings(environment))
    runs = home / "dagster" / "history" / "runs.db"
    runs.write_bytes(b"\xff" * runs.stat().st_size)
    before = published(home)
    done = subprocess.run(
        [sys.executable, "-m", "c360_dagster", "refresh"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("`make refresh` was stopped because Dagster's log of runs is damaged")
    assert f"move the folder {home / 'dagster'} away and run again" in first
    assert second.startswith("What is published stayed as it was")
    assert "Traceback" not in done.stdout
    assert published(home) == before


@pytest.mark.chaos
def test_a_warehouse_is_rebuilt_with_everybodys_id(
    damaged: Path, home_after_first_run: Path
) -> None:
    (damaged / "warehouse.duckdb").unlink()
    assert run_pipeline(damaged) == []
    assert_same_gold(damaged, home_after_first_run)


# Bad data ---------------------------------------------------------------------------------------


@pytest.mark.chaos  # the short form is in tests/test_commands.py: nothing was published before
def test_a_failed_test_in_the_middle_publishes_nothing(home: Path) -> None:
    """The test fails because amounts in a second currency without rates cannot be added."""
    before = published(home)
    landing = home / "landing" / "sales"
    header, first, *_ = (landing / "transactions.csv").read_text().splitlines()
    foreign = first.replace("USD", "EUR").split(",")
    assert "EUR" in foreign
    foreign[0] = "T-foreign"
    late = landing / "transactions_2025-03-31 late.csv"
    late.write_text(f"{header}\n{','.join(foreign)}\n")
    (reason,) = run_pipeline(home, "bronze", "silver", "identity", "gold", "science", "published")
    assert "currencies_can_be_added" in reason
    assert published(home) == before


# A full disk ------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(home_after_first_run: Path, tmp_path: Path) -> Iterator[Path]:
    """A home on its own small file system, which needs root; without root the test is skipped."""
    place = tmp_path / "disk"
    place.mkdir()
    size = sum(path.stat().st_size for path in home_after_first_run.rglob("*") if path.is_file())
    room = f"size={size + 64 * 2**20}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", room, "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a file system of its own needs root; tests/resources injects the error")
    try:
        yield copy_home(home_after_first_run, place / "home")
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill_up(home: Path, left: int) -> Path:
    """Writes a file that leaves only `left` bytes free on the disk, and returns it."""
    ballast = home.parent / "ballast"
    free = shutil.disk_usage(home).free
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - left)
    return ballast


@pytest.mark.parametrize(
    "layer",
    [*(pytest.param(each, marks=pytest.mark.chaos) for each in ("bronze", "gold")), "published"],
)
def test_a_full_disk_leaves_what_was_published_and_says_what_to_do(
    small_disk: Path, layer: str
) -> None:
    """The disk is full while loading (bronze), while building (gold) or while publishing."""
    before = published(small_disk)
    folder = small_disk / "landing" / "logistic"
    header, *lines = (folder / "tracking_events.csv").read_text().splitlines()
    late = folder / "tracking_events_2025-03-31 late.csv"
    late.write_text("\n".join([header, *lines * 40]) + "\n")
    fill_up(small_disk, 16 * 1024)  # so small a gold is written into the warehouse's free blocks
    (reason,) = run_pipeline(small_disk, layer)
    assert "No space left on device" in reason
    assert "ake room" in reason, "what to do"
    assert published(small_disk) == before


def test_a_disk_too_full_for_dagsters_log_is_a_sentence(small_disk: Path) -> None:
    shutil.rmtree(small_disk / "dagster")
    fill_up(small_disk, 40 * 1024)
    done = call(small_disk, "c360_dagster", "refresh")
    assert done.returncode == 1
    assert "There is no room left" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.chaos
def test_a_run_after_a_full_disk_is_complete(small_disk: Path, home_after_first_run: Path) -> None:
    for left in (16, 256, 2048):
        ballast = fill_up(small_disk, left * 1024)
        assert run_pipeline(small_disk)
        ballast.unlink()
    assert run_pipeline(small_disk) == []
    assert_same_gold(small_disk, home_after_first_run)
