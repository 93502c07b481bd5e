"""Runs a function in a process of its own and says what it took: time, processor and memory."""

import multiprocessing
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Measured(Generic[T]):
    seconds: float
    cpu_seconds: float
    """Of all threads: it varies less than the clock where other programs want the processors."""
    megabytes: float
    result: T


def measure(function: Callable[..., T], *arguments: object, **options: object) -> Measured[T]:
    """Starts fresh, so that neither caches nor memory of an earlier measurement count."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, function, arguments, options))
    process.start()
    theirs.close()
    measured: Measured[T] = ours.recv()
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
