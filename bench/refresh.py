"""Compares one more day, from its files to the published ones, with the first run.

`python -m bench refresh 20000` simulates a retailer, runs the whole pipeline, and refreshes it
with one more day.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

from bench.measure import Watched
from bench.road import STAGES_OUTSIDE, WORLD, Spans, add_up, make_settings, run_verb

DAY_AFTER = date.fromisoformat(WORLD["C360_END_DATE"]) + timedelta(days=1)


def main(arguments: list[str]) -> None:
    """Takes a number of customers, and a folder in which the results are kept."""
    customers = int(arguments[0]) if arguments else 20_000
    with tempfile.TemporaryDirectory(prefix="c360_bench_") as folder:
        home = Path(arguments[1] if len(arguments) > 1 else folder)
        everything = run_verb(make_settings(home, customers), "run")
        day = run_verb(make_settings(home, customers, C360_END_DATE=f"{DAY_AFTER}"), "run")
    sys.stdout.write("".join(compare(everything, day)))


def compare(everything: tuple[Watched, Spans], day: tuple[Watched, Spans]) -> Iterator[str]:
    yield f"{'':<22}{'all':>9}{'a day':>9}{'ratio':>7}{'all CPU':>9}{'a day':>9}{'ratio':>7}\n"
    for stage in everything[1]:
        yield _line(stage, *(_measure(*each, [stage]) for each in (everything, day)))
    ours = [stage for stage in everything[1] if stage not in STAGES_OUTSIDE]
    yield _line("steps, from landing on", *(_measure(*each, ours) for each in (everything, day)))
    yield _line(
        "landing to published",
        *(_measure(*each, STAGES_OUTSIDE, is_left_out=True) for each in (everything, day)),
    )


def _measure(
    whole: Watched, spans: Spans, stages: Iterable[str], *, is_left_out: bool = False
) -> tuple[float, float]:
    seconds = sum(add_up(spans, stage) for stage in stages)
    cpu = whole.cpu_between(span for stage in stages for span in spans.get(stage, []))
    if is_left_out:
        return whole.seconds - seconds, whole.cpu_seconds - cpu
    return seconds, cpu


def _line(name: str, everything: tuple[float, float], day: tuple[float, float]) -> str:
    cells = ""
    for all_took, day_took in zip(everything, day, strict=True):
        ratio = day_took / all_took if all_took else 0.0
        cells += f"{all_took:>9.1f}{day_took:>9.1f}{ratio:>7.2f}"
    return f"{name:<22}{cells}\n"
