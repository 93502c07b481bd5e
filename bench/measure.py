"""Runs a function or a command in a process of its own and measures time, CPU time and memory.

For a function, only its own process counts; for a command, also everything that it starts.
"""

import multiprocessing
import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

SAMPLE_EVERY_SECONDS = 0.05
PAGE = resource.getpagesize()
MEGABYTE = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")
SHOWN_CHARACTERS = 3000


@dataclass(frozen=True)
class Measured(Generic[T]):
    seconds: float
    cpu_seconds: float
    """The processor time of all threads, which varies less than the clock if other programs run."""
    megabytes: float
    result: T


def measure(function: Callable[..., T], *arguments: object, **options: object) -> Measured[T]:
    """Runs a function in a new process, so that caches and memory of earlier ones do not count."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, function, arguments, options))
    process.start()
    theirs.close()
    try:
        measured: Measured[T] = ours.recv()
    except EOFError:
        raise SystemExit(f"{function.__name__} failed; its output is above.") from None
    finally:
        process.join()
    return measured


def _run(
    pipe: Connection,
    function: Callable[..., object],
    arguments: tuple[object, ...],
    options: dict[str, object],
) -> None:
    began, cpu_began = time.perf_counter(), time.process_time()
    result = function(*arguments, **options)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pipe.send(Measured(seconds, cpu_seconds, peak, result))
    pipe.close()


@dataclass(frozen=True)
class Sample:
    """Memory of a command and everything it started at one moment, and CPU seconds until then."""

    at: float
    megabytes: float
    cpu_seconds: float


@dataclass(frozen=True)
class Watched:
    """What a command took, and its output."""

    began: float
    """By the system's clock, as in logs."""
    seconds: float
    cpu_seconds: float
    output: str
    samples: list[Sample] = field(default_factory=list)
    """Empty if the system has no `/proc`."""

    @property
    def megabytes(self) -> float:
        return max((sample.megabytes for sample in self.samples), default=0.0)

    def cpu_between(self, spans: Iterable[tuple[float, float]]) -> float:
        """Returns the CPU seconds used in the spans, to a few hundredths of a second for each."""
        return sum(self._used_until(end) - self._used_until(start) for start, end in spans)

    def _used_until(self, moment: float) -> float:
        return max(
            (sample.cpu_seconds for sample in self.samples if sample.at <= moment), default=0.0
        )

    def peak_between(self, spans: Iterable[tuple[float, float]]) -> float:
        """Returns the most memory in any of the spans.

        For a span that is too short to contain a sample, the next sample counts.
        """
        peak = 0.0
        for start, end in spans:
            inside = [sample.megabytes for sample in self.samples if start <= sample.at <= end]
            after = next((sample.megabytes for sample in self.samples if sample.at > end), 0.0)
            peak = max(peak, *inside) if inside else max(peak, after)
        return peak


def watch(
    command: list[str], *, environment: Mapping[str, str], folder: Path, errors: bool = False
) -> Watched:
    """Runs a command, which must succeed; `errors` adds its errors to its output."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began, clock = time.time(), time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if errors else subprocess.PIPE,
        text=True,
    ) as process:
        with _watch_processes(process.pid) as samples:
            output, error_output = process.communicate()
        seconds = time.perf_counter() - clock
    if process.returncode:
        shown = (output + (error_output or ""))[-SHOWN_CHARACTERS:]
        raise SystemExit(f"{' '.join(command[1:4])} … failed: {shown}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return Watched(began, seconds, cpu, output, samples)


@contextmanager
def _watch_processes(pid: int) -> Iterator[list[Sample]]:
    samples: list[Sample] = []
    is_over = threading.Event()

    def take_samples() -> None:
        while not is_over.wait(SAMPLE_EVERY_SECONDS):
            megabytes, cpu_seconds = _measure_processes(pid)
            if megabytes:
                samples.append(Sample(time.time(), megabytes, cpu_seconds))

    thread = threading.Thread(target=take_samples)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()


def _measure_processes(pid: int) -> tuple[float, float]:
    """Returns resident megabytes and CPU seconds of a process and all below it.

    Both are 0 for a process that has ended.
    """
    process = Path(f"/proc/{pid}")
    try:
        megabytes = int((process / "statm").read_text().split()[1]) * PAGE / MEGABYTE
        counted = (process / "stat").read_text().rpartition(")")[2].split()
        children = (process / "task" / str(pid) / "children").read_text().split()
    except (OSError, IndexError):
        return 0.0, 0.0
    # User and system ticks of the process itself and of its children that have ended.
    seconds = sum(int(ticks) for ticks in counted[11:15]) / TICKS
    for child in children:
        below = _measure_processes(int(child))
        megabytes, seconds = megabytes + below[0], seconds + below[1]
    return megabytes, seconds
