"""Measures the pipeline as people run it (the road), against the limit on the same files.

`python -m bench road 5000 100000` measures each stage and the whole, compares them with what was
promised, and says how the time grows from one size to the next.
"""

import hashlib
import json
import math
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import dagster as dg

from bench.checksums import DIGITS, Contents, combine, find_differences, read_contents
from bench.figures import AGAIN, GROWTH, IMPORTS, MEMORY, ROAD, WHOLE, Figure
from bench.measure import Watched, watch
from bench.plan import make_plan
from c360_dagster.__main__ import SELECTIONS
from c360_dagster.dbt_runner import dbt_project
from c360_dagster.dbt_runner.rendered import FOLDER
from c360_dagster.home import create_storage, prepare_dagster_home
from c360_dagster.layers import (
    AUDIENCES,
    BRONZE,
    GOLD,
    IDENTITY,
    LANDING,
    PUBLISHED,
    SCIENCE,
    SILVER,
)
from c360_dagster.settings import REPOSITORY, Settings, environment_for_dagster, read_settings
from mock_data.landing import MARK

# Between these days a million customers make ten million orders.
WORLD = {"C360_START_DATE": "2025-01-01", "C360_END_DATE": "2026-11-20", "C360_SEED": "7"}
STAGES = {
    LANDING.name: "generate",
    BRONZE.name: "bronze",
    IDENTITY.name: "identity",
    SILVER.name: "dbt",
    GOLD.name: "dbt",
    SCIENCE.name: "science",
    PUBLISHED.name: "publish",
}
BESIDE = ("generate", AUDIENCES.name)
"""Stages that do not belong to the work from landing to published."""
CHECKS = "checks alone"
"""The stage of steps that make no table."""
MICROSECONDS = 1e6
FEW = 120
"""So many customers are enough for every table to have rows."""
DEMOS = 3
"""Of so many first runs the median counts, because a few seconds of another program would be a
fifth of one run."""
IMPORT = re.compile(r"import time: +(\d+) \|")

Spans = dict[str, list[tuple[float, float]]]
"""For each stage, the times at which it was at work."""


@dataclass(frozen=True)
class Walked:
    """One run of the pipeline, and what it made."""

    settings: Settings
    whole: Watched
    spans: Spans
    contents: dict[str, Contents]

    @property
    def beside(self) -> list[tuple[float, float]]:
        """When the command was working before landing or after publishing."""
        return [span for stage in BESIDE for span in self.spans.get(stage, [])]

    @property
    def seconds_after_landing(self) -> float:
        return self.whole.seconds - sum(end - start for start, end in self.beside)


@dataclass(frozen=True)
class Limit:
    whole: Watched
    spans: Spans
    contents: dict[str, Contents]


def main(arguments: list[str]) -> None:
    from bench.table import format_table  # noqa: PLC0415  only needed here

    sizes = [int(argument) for argument in arguments] or [5000]
    figures: list[Figure] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="c360_bench_") as folder:
            walked = walk_clean(Path(folder), size)
            limit = walk_limit(Path(folder), walked)
            figures += compare(size, walked, limit)
    sys.stdout.write(format_table([*figures, *compare_growth(figures)]))


def walk_clean(folder: Path, customers: int) -> Walked:
    """Runs the pipeline on files without planted defects.

    The limit's bare reader cannot look at broken lines a second time, as the loader does.
    """
    warm_up(folder / "warm")
    return walk(read_for(folder / "road", customers, C360_DEFECTS="off"), "run")


def warm_up(home: Path) -> None:
    """Runs once with few customers if dbt has not yet parsed and rendered the project.

    That happens only once in a clone, so it must not be measured.
    """
    if not (dbt_project.TARGET / FOLDER).exists():
        run_verb(read_for(home, FEW), "run")
        shutil.rmtree(home)


def read_for(home: Path, customers: int, **more: str) -> Settings:
    return read_settings({"C360_HOME": str(home), "C360_CUSTOMERS": str(customers)} | WORLD | more)


def walk(settings: Settings, verb: str) -> Walked:
    whole, spans = run_verb(settings, verb)
    return Walked(settings, whole, spans, read_road(settings))


def run_verb(settings: Settings, verb: str) -> tuple[Watched, Spans]:
    """Runs the command that `make run` or `make refresh` starts, in a prepared home."""
    prepare_dagster_home(settings)
    create_storage(settings)
    whole = watch(
        materialize(SELECTIONS[verb]), environment=environment(settings), folder=REPOSITORY
    )
    return whole, read_spans(settings)


def materialize(
    selection: str, module: str = "c360_dagster.definitions", options: Iterable[str] = ()
) -> list[str]:
    """Returns Dagster's command as people type it; `options` are Python's own."""
    verb = ("asset", "materialize", "--select", selection, "-m", module)
    return [sys.executable, *options, "-m", "dagster", *verb]


def environment(settings: Settings) -> dict[str, str]:
    """Returns the settings as variables; those of the shell are ignored."""
    kept = {
        name: value
        for name, value in environment_for_dagster(settings).items()
        if not name.startswith("C360_")
    }
    return kept | {
        "C360_HOME": str(settings.home),
        "C360_CUSTOMERS": str(settings.customers),
        "C360_DEFECTS": "on" if settings.defects else "off",
        "C360_START_DATE": settings.start_date.isoformat(),
        "C360_END_DATE": settings.end_date.isoformat(),
        "C360_SEED": str(settings.seed),
        "PYTHONPATH": str(REPOSITORY),
    }


def read_spans(settings: Settings) -> Spans:
    """Returns when each stage of the newest run was at work."""
    stages: dict[str, str] = {}
    spans: Spans = defaultdict(list)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        (run,) = instance.get_runs(limit=1)
        for entry in instance.all_logs(run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION):
            event = entry.dagster_event
            if event and event.asset_key and event.step_key:
                schema = event.asset_key.path[0]
                stages[event.step_key] = STAGES.get(schema, schema)
        for step in instance.get_run_step_stats(run.run_id):
            if step.start_time and step.end_time:
                stage = stages.get(step.step_key, CHECKS)
                spans[stage].append((step.start_time, step.end_time))
    return dict(spans)


def read_road(settings: Settings) -> dict[str, Contents]:
    warehouse, snapshot = settings.warehouse, settings.published / "c360.duckdb"
    bronze = read_contents(warehouse, "bronze")
    return {
        "bronze": bronze,
        "identity": read_contents(warehouse, "identity"),
        "dbt": read_contents(warehouse, "silver", "gold"),
        "science": read_contents(warehouse, "science"),
        "publish": read_contents(snapshot, "gold"),
    }


def walk_limit(folder: Path, walked: Walked) -> Limit:
    """Runs the limit in a process without Dagster and dbt; the SQL is compiled before."""
    home, aside = folder / "limit", folder / "plan"
    aside.mkdir()
    plan = make_plan(aside).write(aside / "plan.json")
    ran = watch(
        [sys.executable, "-m", "bench.limit", str(plan), str(walked.settings.landing), str(home)],
        environment=environment(walked.settings),
        folder=REPOSITORY,
    )
    spans: Spans = defaultdict(list)
    for stage, start, end in json.loads(ran.output.splitlines()[-1]):
        spans[stage].append((start, end))
    limit = Limit(ran, dict(spans), _read_limit(home))
    shutil.rmtree(home)
    return limit


def _read_limit(home: Path) -> dict[str, Contents]:
    warehouse = home / "warehouse.duckdb"
    return {
        "bronze": read_contents(warehouse, "raw"),
        "identity": read_contents(warehouse, "identity"),
        "dbt": read_contents(warehouse, "silver", "gold"),
        "science": read_contents(warehouse, "science"),
        "publish": read_contents(home / "published" / "c360.duckdb", "gold"),
    }


def compare(customers: int, walked: Walked, limit: Limit) -> Iterator[Figure]:
    """Yields the figures of simulating, of each stage, of the whole and of the peak memory."""
    yield _describe_generation(customers, walked)
    for stage in ("bronze", "identity", "dbt", "science", "publish"):
        ours, theirs = walked.contents[stage], limit.contents[stage]
        if stage == "science":  # the limit makes only what gold reads, and no judgements
            made = {name for name, content in theirs.items() if content.rows}
            ours, theirs = ({n: each[n] for n in made} for each in (ours, theirs))
        seconds, least = add_up(walked.spans, stage), add_up(limit.spans, stage)
        told = combine(ours)
        yield Figure(
            customers=customers,
            name=stage,
            rows=told.rows,
            checksum=told.checksum,
            seconds=seconds,
            cpu_seconds=walked.whole.cpu_between(walked.spans.get(stage, [])),
            megabytes=walked.whole.peak_between(walked.spans.get(stage, [])),
            against="the limit",
            against_seconds=least,
            against_cpu_seconds=limit.whole.cpu_between(limit.spans.get(stage, [])),
            ratio=seconds / least,
            is_same=not find_differences(ours, theirs),
        )
    published = combine(walked.contents["publish"])
    yield Figure(
        customers=customers,
        name=ROAD,
        rows=combine(walked.contents["bronze"]).rows,
        checksum=published.checksum,
        seconds=walked.seconds_after_landing,
        cpu_seconds=walked.whole.cpu_seconds - walked.whole.cpu_between(walked.beside),
        against="the limit",
        against_seconds=limit.whole.seconds,
        against_cpu_seconds=limit.whole.cpu_seconds,
        ratio=walked.seconds_after_landing / limit.whole.seconds,
        is_same=not find_differences(walked.contents["publish"], limit.contents["publish"]),
    )
    yield Figure(
        customers=customers,
        name=MEMORY,
        megabytes=walked.whole.megabytes,
        against="the limit",
        ratio=walked.whole.megabytes / limit.whole.megabytes if limit.whole.megabytes else None,
    )


def _describe_generation(customers: int, walked: Walked) -> Figure:
    """Returns the simulator's figure, with a checksum made from those in the simulator's mark."""
    mark = json.loads((walked.settings.landing / MARK).read_text("utf-8"))
    files = "".join(f"{name} {mark['files'][name]}\n" for name in sorted(mark["files"]))
    return Figure(
        customers=customers,
        name="generate",
        rows=combine(walked.contents["bronze"]).rows,
        checksum=hashlib.sha256(files.encode()).hexdigest()[:DIGITS],
        seconds=add_up(walked.spans, "generate"),
        megabytes=walked.whole.peak_between(walked.spans.get("generate", [])),
    )


def compare_growth(figures: list[Figure]) -> list[Figure]:
    """Returns by which factor the time grows from each size to the next, divided by n log n's."""
    walked = sorted((f for f in figures if f.name == ROAD), key=lambda figure: figure.customers)
    return [
        Figure(
            customers=more.customers,
            name=GROWTH,
            against="n log n",
            ratio=(more.seconds / less.seconds) / (weigh(more.customers) / weigh(less.customers)),
        )
        for less, more in pairwise(walked)
        if less.seconds and more.seconds
    ]


def weigh(customers: int) -> float:
    return customers * math.log(customers)


def time_demo(folder: Path, customers: int) -> list[Figure]:
    """Times what a newcomer sees: a first run with defects, and a refresh with nothing new."""
    firsts = [walk(read_for(folder / f"demo{n}", customers), "run") for n in range(DEMOS)]
    first = sorted(firsts, key=lambda walked: walked.whole.seconds)[DEMOS // 2]
    settings = first.settings
    verb = [sys.executable, "-m", "c360_dagster", "refresh"]
    again = watch(verb, environment=environment(settings), folder=REPOSITORY)
    same = read_road(settings)
    imports = time_imports(settings)
    published, republished = (combine(each["publish"]) for each in (first.contents, same))
    return [
        Figure(
            customers=customers,
            name=WHOLE,
            rows=combine(first.contents["bronze"]).rows,
            checksum=published.checksum,
            seconds=first.whole.seconds,
            cpu_seconds=first.whole.cpu_seconds,
            megabytes=first.whole.megabytes,
        ),
        Figure(
            customers=customers,
            name=IMPORTS,
            seconds=imports,
            against="the whole",
            against_seconds=first.whole.seconds,
            ratio=imports / first.whole.seconds,
        ),
        Figure(
            customers=customers,
            name=AGAIN,
            rows=republished.rows,
            checksum=republished.checksum,
            seconds=again.seconds,
            cpu_seconds=again.cpu_seconds,
            megabytes=again.megabytes,
            against="the whole",
            against_seconds=first.whole.seconds,
            ratio=again.seconds / first.whole.seconds,
            is_same=published == republished,
        ),
    ]


def time_imports(settings: Settings) -> float:
    """Returns the seconds of all imports of a run and its steps, as Python itself counts them."""
    ran = watch(
        materialize(SELECTIONS["refresh"], options=("-X", "importtime")),
        environment=environment(settings),
        folder=REPOSITORY,
        errors=True,
    )
    return sum(int(own) for own in IMPORT.findall(ran.output)) / MICROSECONDS


def add_up(spans: Spans, stage: str) -> float:
    return sum(end - start for start, end in spans.get(stage, []))
