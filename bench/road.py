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
from bench.figures import GROWTH, IMPORTS, LANDING_TO_PUBLISHED, MEMORY, NOTHING_NEW, WHOLE, Figure
from bench.measure import Watched, watch
from bench.plan import make_plan
from c360_dagster.__main__ import SELECTIONS
from c360_dagster.dbt_runner import dbt_project
from c360_dagster.dbt_runner.rendered import FOLDER
from c360_dagster.home import prepare_dagster_home
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
STAGES_OUTSIDE = ("generate", AUDIENCES.name)
"""Stages that do not belong to the work from landing to published."""
CHECKS = "checks alone"
"""The stage of steps that make no table."""
MICROSECONDS = 1e6
WARM_UP_CUSTOMERS = 120
"""So many customers are enough for every table to have rows."""
DEMO_RUNS = 3
"""Of so many first runs the median counts, because a few seconds of another program would be a
fifth of one run."""
IMPORT = re.compile(r"import time: +(\d+) \|")

Spans = dict[str, list[tuple[float, float]]]
"""For each stage, the times at which it was at work."""


@dataclass(frozen=True)
class PipelineRun:
    """One run of the pipeline, and what it made."""

    settings: Settings
    whole: Watched
    spans: Spans
    contents: dict[str, Contents]

    @property
    def spans_outside(self) -> list[tuple[float, float]]:
        """When the command was working before landing or after publishing."""
        return [span for stage in STAGES_OUTSIDE for span in self.spans.get(stage, [])]

    @property
    def seconds_after_landing(self) -> float:
        return self.whole.seconds - sum(end - start for start, end in self.spans_outside)


@dataclass(frozen=True)
class LimitRun:
    whole: Watched
    spans: Spans
    contents: dict[str, Contents]


def main(arguments: list[str]) -> None:
    from bench.table import format_table  # noqa: PLC0415  only needed here

    sizes = [int(argument) for argument in arguments] or [5000]
    figures: list[Figure] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="c360_bench_") as folder:
            pipeline = run_without_defects(Path(folder), size)
            limit = run_limit(Path(folder), pipeline)
            figures += compare(size, pipeline, limit)
    sys.stdout.write(format_table([*figures, *compare_growth(figures)]))


def run_without_defects(folder: Path, customers: int) -> PipelineRun:
    """Runs the pipeline on files without planted defects.

    The limit's bare reader cannot look at broken lines a second time, as the loader does.
    """
    warm_up(folder / "warm")
    return run_pipeline(make_settings(folder / "road", customers, C360_DEFECTS="off"), "run")


def warm_up(home: Path) -> None:
    """Runs once with few customers if dbt has not yet parsed and rendered the project.

    That happens only once in a clone, so it must not be measured.
    """
    if not (dbt_project.TARGET / FOLDER).exists():
        run_verb(make_settings(home, WARM_UP_CUSTOMERS), "run")
        shutil.rmtree(home)


def make_settings(home: Path, customers: int, **more: str) -> Settings:
    return read_settings({"C360_HOME": str(home), "C360_CUSTOMERS": str(customers)} | WORLD | more)


def run_pipeline(settings: Settings, verb: str) -> PipelineRun:
    whole, spans = run_verb(settings, verb)
    return PipelineRun(settings, whole, spans, read_pipeline_contents(settings))


def run_verb(settings: Settings, verb: str) -> tuple[Watched, Spans]:
    """Runs what `make run` or `make refresh` starts, which creates Dagster's databases, too."""
    prepare_dagster_home(settings)
    whole = watch(
        materialize_command(SELECTIONS[verb]), environment=environment(settings), folder=REPOSITORY
    )
    return whole, read_spans(settings)


def materialize_command(
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


def read_pipeline_contents(settings: Settings) -> dict[str, Contents]:
    warehouse, snapshot = settings.warehouse, settings.published / "c360.duckdb"
    bronze = read_contents(warehouse, "bronze")
    return {
        "bronze": bronze,
        "identity": read_contents(warehouse, "identity"),
        "dbt": read_contents(warehouse, "silver", "gold"),
        "science": read_contents(warehouse, "science"),
        "publish": read_contents(snapshot, "gold"),
    }


def run_limit(folder: Path, pipeline: PipelineRun) -> LimitRun:
    """Runs the limit in a process without Dagster and dbt; the SQL is compiled before."""
    home, aside = folder / "limit", folder / "plan"
    aside.mkdir()
    plan = make_plan(aside).write(aside / "plan.json")
    ran = watch(
        [sys.executable, "-m", "bench.limit", str(plan), str(pipeline.settings.landing), str(home)],
        environment=environment(pipeline.settings),
        folder=REPOSITORY,
    )
    spans: Spans = defaultdict(list)
    for stage, start, end in json.loads(ran.output.splitlines()[-1]):
        spans[stage].append((start, end))
    limit = LimitRun(ran, dict(spans), _read_limit_contents(home))
    shutil.rmtree(home)
    return limit


def _read_limit_contents(home: Path) -> dict[str, Contents]:
    warehouse = home / "warehouse.duckdb"
    return {
        "bronze": read_contents(warehouse, "raw"),
        "identity": read_contents(warehouse, "identity"),
        "dbt": read_contents(warehouse, "silver", "gold"),
        "science": read_contents(warehouse, "science"),
        "publish": read_contents(home / "published" / "c360.duckdb", "gold"),
    }


def compare(customers: int, pipeline: PipelineRun, limit: LimitRun) -> Iterator[Figure]:
    """Yields the figures of simulating, of each stage, of the whole and of the peak memory."""
    yield _describe_generation(customers, pipeline)
    for stage in ("bronze", "identity", "dbt", "science", "publish"):
        ours, theirs = pipeline.contents[stage], limit.contents[stage]
        if stage == "science":  # the limit makes only what gold reads, and no judgements
            made = {name for name, content in theirs.items() if content.rows}
            ours, theirs = ({n: each[n] for n in made} for each in (ours, theirs))
        seconds, least = add_up(pipeline.spans, stage), add_up(limit.spans, stage)
        content = combine(ours)
        yield Figure(
            customers=customers,
            name=stage,
            rows=content.rows,
            checksum=content.checksum,
            seconds=seconds,
            cpu_seconds=pipeline.whole.cpu_between(pipeline.spans.get(stage, [])),
            megabytes=pipeline.whole.peak_between(pipeline.spans.get(stage, [])),
            against="the limit",
            against_seconds=least,
            against_cpu_seconds=limit.whole.cpu_between(limit.spans.get(stage, [])),
            ratio=seconds / least,
            is_same=not find_differences(ours, theirs),
        )
    published = combine(pipeline.contents["publish"])
    yield Figure(
        customers=customers,
        name=LANDING_TO_PUBLISHED,
        rows=combine(pipeline.contents["bronze"]).rows,
        checksum=published.checksum,
        seconds=pipeline.seconds_after_landing,
        cpu_seconds=pipeline.whole.cpu_seconds - pipeline.whole.cpu_between(pipeline.spans_outside),
        against="the limit",
        against_seconds=limit.whole.seconds,
        against_cpu_seconds=limit.whole.cpu_seconds,
        ratio=pipeline.seconds_after_landing / limit.whole.seconds,
        is_same=not find_differences(pipeline.contents["publish"], limit.contents["publish"]),
    )
    yield Figure(
        customers=customers,
        name=MEMORY,
        megabytes=pipeline.whole.megabytes,
        against="the limit",
        ratio=pipeline.whole.megabytes / limit.whole.megabytes if limit.whole.megabytes else None,
    )


def _describe_generation(customers: int, pipeline: PipelineRun) -> Figure:
    """Returns the simulator's figure, with a checksum made from those in the simulator's mark."""
    mark = json.loads((pipeline.settings.landing / MARK).read_text("utf-8"))
    files = "".join(f"{name} {mark['files'][name]}\n" for name in sorted(mark["files"]))
    return Figure(
        customers=customers,
        name="generate",
        rows=combine(pipeline.contents["bronze"]).rows,
        checksum=hashlib.sha256(files.encode()).hexdigest()[:DIGITS],
        seconds=add_up(pipeline.spans, "generate"),
        megabytes=pipeline.whole.peak_between(pipeline.spans.get("generate", [])),
    )


def compare_growth(figures: list[Figure]) -> list[Figure]:
    """Returns by which factor the time grows from each size to the next, divided by n log n's."""
    totals = sorted(
        (f for f in figures if f.name == LANDING_TO_PUBLISHED), key=lambda figure: figure.customers
    )
    return [
        Figure(
            customers=more.customers,
            name=GROWTH,
            against="n log n",
            ratio=(more.seconds / less.seconds)
            / (n_log_n(more.customers) / n_log_n(less.customers)),
        )
        for less, more in pairwise(totals)
        if less.seconds and more.seconds
    ]


def n_log_n(customers: int) -> float:
    return customers * math.log(customers)


def time_demo(folder: Path, customers: int) -> list[Figure]:
    """Times what a newcomer sees: a first run with defects, and a refresh with nothing new."""
    firsts = [
        run_pipeline(make_settings(folder / f"demo{n}", customers), "run") for n in range(DEMO_RUNS)
    ]
    first = sorted(firsts, key=lambda run: run.whole.seconds)[DEMO_RUNS // 2]
    settings = first.settings
    verb = [sys.executable, "-m", "c360_dagster", "refresh"]
    again = watch(verb, environment=environment(settings), folder=REPOSITORY)
    same = read_pipeline_contents(settings)
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
            name=NOTHING_NEW,
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
        materialize_command(SELECTIONS["refresh"], options=("-X", "importtime")),
        environment=environment(settings),
        folder=REPOSITORY,
        errors=True,
    )
    return sum(int(own) for own in IMPORT.findall(ran.output)) / MICROSECONDS


def add_up(spans: Spans, stage: str) -> float:
    return sum(end - start for start, end in spans.get(stage, []))
